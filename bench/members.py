"""`python -m bench.members [--small]`: how fast members keeps points, beside what nothing at all would cost.

Everything runs here: the load, the service, a database that syncs to disk. So figures are for comparing within one
run. Prints a table and, unless it is the short run, writes `bench/results/members.json`.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from kehu.members.v1 import members_pb2 as pb
from kehu.members.v1.members_pb2_grpc import MembersServiceStub

from bench.installation import ROOT, Installation, installation
from bench.load import Call, Load, Metadata, measure
from bench.population import ENTRIES, member, populate
from bench.table import FOLDER, Table
from services.members.domain.points import HOUSE

CALLERS = 128
SECONDS = 6.0
ROUNDS = 3
SMALL, LARGE = 10_000, 1_000_000


def main(*, small: bool) -> None:
    """Measure it all, and keep the figures of a whole run."""
    table = Table(FOLDER / "members.json")
    run(table, small=small, seconds=SECONDS)
    if not small:
        table.write()


def run(table: Table, *, small: bool, seconds: float) -> None:
    """Measure it all, each figure for so many seconds."""
    with installation() as place:
        populate(place, 1, SMALL)
        rates, few = _calls(place, table, seconds, rounds=1 if small else ROUNDS)
        _pgbench(place, table, rates, seconds)
        if not small:
            _scale(place, table, few, seconds)
        _sweep(place, table, LARGE if not small else 20 * SMALL, seconds)
        _verify(place, table)


def _calls(place: Installation, table: Table, seconds: float, *, rounds: int) -> tuple[float, Load]:
    """Each kind of call in turn, round after round, so that all of them see the machine's better and worse minutes.

    Answers how many calls a second gave points, and the last of these loads.
    """
    with (
        place.serving("bench.echo") as echo,
        place.serving("bench.echo", "uvloop") as echo_in_uvloop,
        place.serving("services.members", "serve") as members,
        place.serving("bench.control.members") as control,
    ):
        turns = (
            (echo, _accrue(SMALL), CALLERS),
            (echo_in_uvloop, _accrue(SMALL), CALLERS),
            (members, _accrue(SMALL), CALLERS),
            (members, _accrue(1), CALLERS),
            (members, _hold_and_confirm, CALLERS),
            (members, _balance, CALLERS),
            (control, _accrue(SMALL), CALLERS),
        )
        found = [
            [
                measure(address, _bearer(place), make, callers=callers, seconds=seconds)
                for address, make, callers in turns
            ]
            for _ in range(rounds)
        ]
    rates = ([load.rate for load in each] for each in zip(*found, strict=True))
    nothing, quicker, accrued, hot, pairs, read, ordinary = rates
    echoed = table.add("no-op echo (plain grpc.aio)", nothing, "calls/s")
    table.add("the same in uvloop, which our services run in", quicker, "calls/s")
    rate = table.add("accrue, distinct members", accrued, "calls/s", baseline=echoed, least=0.5)
    table.add("accrue, distinct members, p99", [each[2].p99 for each in found], "ms")
    table.add("accrue, one member", hot, "calls/s", baseline=echoed, least=0.4)
    table.add("hold and confirm", pairs, "pairs/s", baseline=echoed, least=0.25)
    table.add("get balance", read, "calls/s", baseline=echoed, least=0.7)
    alone = table.add("control: one transaction per request", ordinary, "calls/s")
    table.add("accrue beside the control", rate, "calls/s", baseline=alone, least=6)
    return rate, found[-1][2]


def _pgbench(place: Installation, table: Table, accrued: float, seconds: float) -> None:
    rate = place.pgbench(_PGBENCH.format(members=SMALL, house=HOUSE), clients=16, seconds=max(1, int(seconds)))
    table.add("pgbench, one transaction of the same statements, 16 clients", rate, "calls/s")
    table.add("accrue beside pgbench", accrued, "calls/s", baseline=rate)


def _scale(place: Installation, table: Table, few: Load, seconds: float) -> None:
    started = perf_counter()
    populate(place, SMALL + 1, LARGE)
    table.add(f"made {LARGE:,} members, {LARGE * ENTRIES:,} entries", perf_counter() - started, "s")
    with place.serving("services.members", "serve") as address:
        load = measure(address, _bearer(place), _accrue(LARGE), callers=CALLERS, seconds=seconds)
    table.add("accrue among a million members", load.rate, "calls/s", baseline=few.rate, least=0.8)
    table.add("the same, p99", load.p99, "ms", baseline=few.p99, most=1.5)


def _sweep(place: Installation, table: Table, lots: int, seconds: float) -> None:
    """Let lots expire in two processes, first alone, then beside accruals."""
    place.query(_DUE.format(lots=lots))
    place.query("vacuum analyze ledger_lots")
    swept = _sweepers(place)
    gone = sum(each["lots"] for each in swept)
    rate = gone / max(each["seconds"] for each in swept)
    table.add(f"expiry of {gone:,.0f} lots", rate, "lots/s", least=50_000)
    table.add("longest transaction of the sweep", max(each["longest"] for each in swept), "s", most=1)
    place.query(_DUE.format(lots=lots))
    with place.serving("services.members", "serve") as address:
        alone = measure(address, _bearer(place), _accrue(SMALL), callers=CALLERS, seconds=seconds / 2)
        with place.running([sys.executable, "-m", "bench.sweeper", place.url]):
            beside = measure(address, _bearer(place), _accrue(SMALL), callers=CALLERS, seconds=seconds / 2)
    table.add("accrue beside the sweep", beside.rate, "calls/s", baseline=alone.rate, least=0.6)


def _sweepers(place: Installation) -> list[dict[str, float]]:
    command = [sys.executable, "-m", "bench.sweeper", place.url]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]  # noqa: S603 - ours
    return [json.loads(process.communicate()[0]) for process in both]


def _verify(place: Installation, table: Table) -> None:
    entries = place.query("select count(*) from ledger_entries")[0][0]
    started = perf_counter()
    done = subprocess.run(  # noqa: S603 - ours
        [Path(sys.executable).with_name("kehu"), "verify", "members", "--no-tiers", "--database-url", place.url],
        check=False,
        cwd=ROOT,
    )
    table.add(f"verify {entries:,} entries, exit status {done.returncode}", perf_counter() - started, "s", most=60)


def _bearer(place: Installation) -> str:
    return place.keys.bearer("admin")


def _accrue(members: int) -> Callable[[MembersServiceStub, Metadata], Call]:
    chance = random.Random(1)  # noqa: S311 - the same members each time

    def make(stub: MembersServiceStub, metadata: Metadata) -> Call:
        async def call(_number: int) -> object:
            parent = f"members/{member(chance.randrange(members) + 1)}"
            return await stub.AccruePoints(
                pb.AccruePointsRequest(parent=parent, points=5, source="bench"), metadata=metadata
            )

        return call

    return make


def _hold_and_confirm(stub: MembersServiceStub, metadata: Metadata) -> Call:
    async def call(number: int) -> object:
        parent = f"members/{member(number % SMALL + 1)}"
        hold = await stub.CreateHold(
            pb.CreateHoldRequest(parent=parent, hold=pb.Hold(points=1), source="bench"), metadata=metadata
        )
        return await stub.ConfirmHold(pb.ConfirmHoldRequest(name=hold.name), metadata=metadata)

    return call


def _balance(stub: MembersServiceStub, metadata: Metadata) -> Call:
    async def call(number: int) -> object:
        return await stub.GetBalance(
            pb.GetBalanceRequest(name=f"members/{member(number % SMALL + 1)}/balance"), metadata=metadata
        )

    return call


_DUE = """
update ledger_lots set expire_time = now() - interval '1 day'
where ctid = any(array(select ctid from ledger_lots where available > 0 limit {lots}))
"""

_PGBENCH = """\\set n random(1, {members})
begin;
select id, kind, balance, version from ledger_accounts
where unit = 'points' and owner = bench_member(:n) order by id for update;
update ledger_accounts set balance = balance + 5, version = version + 1
where unit = 'points' and owner = bench_member(:n) and kind = 'available';
with lot as (
    insert into ledger_lots (id, unit, owner, source, granted, grant_time, available_time, pending, available, held)
    values (gen_random_uuid(), 'points', bench_member(:n), 'bench', 5, now(), now(), 0, 5, 0) returning id, owner
)
insert into ledger_entries (debit, credit, amount, kind, source, effective_time, create_time, lot)
select (select id from ledger_accounts where owner = '{house}' and unit = 'points' and kind = 'expense'), a.id, 5,
       'ACCRUAL', 'bench', now(), now(), lot.id
from lot join ledger_accounts a on a.unit = 'points' and a.owner = lot.owner and a.kind = 'available';
insert into outbox (id, aggregatetype, aggregateid, type, subject_version, payload, headers)
values (gen_random_uuid(), 'members', 'members/' || bench_member(:n) || '/balance', 'PointsEarned', 1, '{{}}', '{{}}');
commit;
"""


if __name__ == "__main__":
    main(small="--small" in sys.argv)
