"""Troubles, and what must answer in each: the list of what is seen only in trouble."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from cli.demo import shop, steady
from cli.demo.scene import Scene
from cli.importing.problem import ImportProblem
from deploy.local.problem import Problem
from deploy.local.suite import Suite
from deploy.observability.observe import calls
from deploy.observability.observe.breakage import copy, database, insert, locked, unguard
from deploy.observability.observe.server import SCRAPE_SECONDS

_AT_ONCE = 300
"""Of each kind of calls: more than the gateway lets pass, which is more than a replica takes here (`MOST_CALLS`)."""
MOST_CALLS = 200
_RESTARTS = 5


@dataclass(frozen=True)
class Stage:
    """Where troubles are made: a suite, a product with stock, a member."""

    suite: Suite
    product: str
    member: str

    @classmethod
    def build(cls, suite: Suite) -> Stage:
        """With a product and a member of its own."""
        scene = Scene(suite.gateway.removeprefix("http://"), suite.token("admin"), lambda _: None)
        product = shop.put_on_sale(scene, title="Trouble", price=990, stock=1_000)
        return cls(suite, str(product["name"]), shop.enrol(scene))

    def stream(self, *, per_second: int, seconds: int) -> None:
        """Orders whose events others must handle; what is refused in trouble is part of the trouble."""
        try:
            steady.stream(self.suite.gateway, self.suite.token("admin"), per_second=per_second, seconds=seconds)
        except* (Problem, ImportProblem) as refused:
            print(f"  refused in trouble: {len(refused.exceptions)} parts of a stream", flush=True)


Provoke = Callable[[Stage], AbstractContextManager[None]]


@dataclass(frozen=True)
class Trouble:
    """What is broken, and which alerts and panels must tell of it while it is."""

    title: str
    provoke: Provoke
    alerts: tuple[str, ...]
    panels: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    """Alerts that tell of it only when it is over: what is late is counted once it is done."""
    patience: float = 400.0
    """Seconds until everything must have told."""


@contextmanager
def broken_schema(stage: Stage) -> Iterator[None]:
    """A table that the code expects is away."""
    with database(stage.suite.database_url("orders")) as session:
        session.execute("alter table stocks rename to stocks_away")
        try:
            with calls.meanwhile(lambda: calls.at_once(stage.suite, calls.placing(stage.product), times=30)):
                yield
        finally:
            session.execute("alter table stocks_away rename to stocks")


@contextmanager
def restarts(stage: Stage) -> Iterator[None]:
    """A process that is started again and again."""
    for _ in range(_RESTARTS + 1):
        stage.suite.restart("campaigns-relay")
        time.sleep(2 * SCRAPE_SECONDS)  # each start must be seen
    yield


@contextmanager
def locks(stage: Stage) -> Iterator[None]:
    """Somebody holds locks that calls and consumers need."""
    urls = [stage.suite.database_url(service) for service in ("members", "orders")]
    stage.stream(per_second=10, seconds=1)
    with locked(urls[0], "ledger_accounts"), locked(urls[0], "inbox"):
        stage.stream(per_second=100, seconds=8)
        with locked(urls[1], "stocks"):
            each = (calls.placing(stage.product), calls.reading(stage.product), calls.asking(stage.member))
            with calls.meanwhile(lambda: calls.at_once(stage.suite, *each, times=_AT_ONCE)):
                yield


@contextmanager
def no_database(stage: Stage) -> Iterator[None]:
    """The database server is away, while consumers are at work."""
    with locked(stage.suite.database_url("members"), "inbox"):
        stage.stream(per_second=20, seconds=3)
        stage.suite.stop("postgres")
        try:
            yield
        finally:
            stage.suite.start("postgres")
            stage.suite.wait_ready("postgres")
    for service in ("orders", "members"):
        stage.suite.wait_ready(f"{service}-serve", seconds=120)


@contextmanager
def no_broker(stage: Stage) -> Iterator[None]:
    """The broker is away."""
    stage.suite.stop("rabbitmq")
    try:
        stage.stream(per_second=10, seconds=2)
        yield
    finally:
        stage.suite.start("rabbitmq")
        stage.suite.wait_ready("rabbitmq", seconds=120)


@contextmanager
def stopped(stage: Stage, *names: str) -> Iterator[None]:
    """Processes don't run."""
    for name in names:
        stage.suite.stop(name)
    try:
        yield
    finally:
        for name in names:
            stage.suite.start(name)
        for name in names:
            stage.suite.wait_ready(name, seconds=120)


@contextmanager
def no_consumers(stage: Stage) -> Iterator[None]:
    """The processes that prove are gone, those that serve are fresh."""
    for name in ("members-serve", "orders-serve"):
        stage.suite.restart(name, seconds=120)
    with stopped(stage, "members-consume", "orders-consume"):
        yield


@contextmanager
def no_servers(stage: Stage) -> Iterator[None]:
    """Nothing of members and orders runs but their relays."""
    each = (calls.placing(stage.product), calls.asking(stage.member))
    with (
        stopped(stage, "members-consume", "orders-consume", "members-serve", "orders-serve"),
        calls.meanwhile(lambda: calls.at_once(stage.suite, *each, times=20)),
    ):
        yield


@contextmanager
def no_peer(stage: Stage) -> Iterator[None]:
    """Orders can be placed, and nobody tells prices."""
    with (
        stopped(stage, "campaigns-serve"),
        calls.meanwhile(lambda: calls.at_once(stage.suite, calls.placing(stage.product), times=20)),
    ):
        yield


@contextmanager
def small_buckets(stage: Stage) -> Iterator[None]:
    """The gateway's limits are far too low."""
    path = stage.suite.folder.gateway
    before = path.read_text()
    path.write_text(json.dumps(_small(json.loads(before))))
    stage.suite.restart("gateway")
    token = stage.suite.token("admin")
    try:
        with calls.meanwhile(lambda: calls.read_members(stage.suite, token, times=50)):
            yield
    finally:
        path.write_text(before)
        stage.suite.restart("gateway")


def _small(value: Any) -> Any:
    if isinstance(value, list):
        return [_small(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "max_tokens" in value:
        return value | {"max_tokens": 2, "tokens_per_fill": 1, "fill_interval": "1s"}
    return {key: _small(each) for key, each in value.items()}


@contextmanager
def forged_notices(stage: Stage) -> Iterator[None]:
    """Somebody who is no provider sends notices of payments."""
    with calls.meanwhile(lambda: calls.forged_notices(stage.suite, times=20)):
        yield


@contextmanager
def changed_rows(stage: Stage) -> Iterator[None]:
    """Rows of every kind are changed past the services; the databases are thrown away after this."""
    calls.at_once(stage.suite, calls.placing(stage.product), times=5)
    with database(stage.suite.database_url("orders")) as session:
        for table in ("stocks", "flash_sale_buckets"):
            unguard(session, table)
        session.execute("update stocks set on_hand = 0")
        session.execute("update flash_sales set ending = null, end_time = now() + interval '1 hour'")
        session.execute("update flash_sale_buckets set sold = sold + 1")
        session.execute("delete from order_sweeps")
        insert(session, "payment_intents", state="'PARKED'")
        insert(session, "provider_refunds", state="'FAILED'")
        insert(session, "payment_notices", attempts="5", next_time="now() + interval '1 day'")
        insert(session, "reconciliation_differences")
        insert(session, "reconciliation_reports", day="current_date - 5")
        old = "now() - interval '1 hour'"
        insert(session, "checkouts", state="'ABANDONED'", open_time=old, drive_time="now() + interval '1 day'")
        fresh = {"id": "gen_random_uuid()", "published_at": "null", "aggregateid": "gen_random_uuid()::text"}
        copy(session, "outbox", where="type = 'OrderPaid'", payload='\'{"member": "nobody"}\'', **fresh)
        copy(session, "outbox", where="type = 'OrderPaid'", type="repeat('x', 300)", attempts="1000", **fresh)
    with database(stage.suite.database_url("members")) as session:
        unguard(session, "ledger_lots")
        session.execute("update ledger_lots set available = available + 1")
        session.execute("delete from sweeps")
        insert(session, "redemptions", state="'CONFIRMED'", refusal="'TEMPLATE_ENDED'")
    with database(stage.suite.database_url("pipeline")) as session:
        session.execute("update reps set available = false")
        for _ in range(60):
            copy(session, "leads", where="state = 'OPEN'", id="gen_random_uuid()", owner="null")
    yield


@contextmanager
def silence(_: Stage) -> Iterator[None]:
    """Nobody buys."""
    yield


def _budgets(*camels: str) -> tuple[str, ...]:
    return tuple(f"{camel}Budget{burn}" for camel in camels for burn in ("BurnsFast", "Burns", "BurnsSlowly"))


TROUBLES: tuple[Trouble, ...] = (
    Trouble(
        "a table is away",
        broken_schema,
        ("InternalErrors",),
        ("rpc / Calls that failed inside", "database / Group commits that were split"),
    ),
    Trouble("a process restarts", restarts, ("ProcessRestarts",)),
    Trouble(
        "locks are held",
        locks,
        ("PoolExhausted", "Overloaded", "ServiceFull", "EventsStuck", *_budgets("CheckoutLatency", "PointsLatency")),
        ("rpc / Calls turned away",),
        late=_budgets("EventFreshness"),
    ),
    Trouble(
        "the database is away",
        no_database,
        ("DatabaseDown", "TimersFail", "RelayIdle"),
        (
            "events / Timers that fail",
            "events / Batches held for the database",
            "database / Transactions that ran again",
        ),
    ),
    Trouble("the broker is away", no_broker, ("ConsumerDisconnected", "OutboxOld")),
    Trouble("consumers are stopped", no_consumers, ("LedgerNotVerified", "OrdersNotVerified", "ProcessesGone")),
    Trouble(
        "services are stopped",
        no_servers,
        (
            "ServiceUnreachable",
            "LedgerSweepMissing",
            "OrdersSweepMissing",
            *_budgets("CheckoutAvailability", "PointsAvailability"),
        ),
    ),
    Trouble("a peer is stopped", no_peer, (), ("rpc / Calls to peers that failed",)),
    Trouble("limits are too low", small_buckets, ("GatewayTurnsCallersAway",)),
    Trouble("notices are forged", forged_notices, ("PaymentNoticesForged",)),
    Trouble(
        "rows are changed by hand",
        changed_rows,
        (
            *("LedgerDiffers", "OrdersDiffer", "Oversold", "FlashSaleUnitsAstray", "CheckoutsStuck", "LeadsWait"),
            *("PaymentsParked", "PaymentRefundsFailed", "PaymentNoticesUnapplied", "PaymentBillDiffers"),
            *("PaymentBillsUncompared", "RedemptionCashOwed"),
            *("DeadLetters", "EventsParked"),
        ),
        ("events / Events refused by the broker",),
    ),
    Trouble("nobody buys", silence, ("SalesStopped",), patience=600),
)
