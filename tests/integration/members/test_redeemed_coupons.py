"""Redeemed coupons on their way: members tells campaigns by a real broker, campaigns delivers or refuses, and tells it
back, between the processes as they are run. News that come again, later and out of order change nothing."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import amqp
import pytest

from kit import broker
from kit.broker import headers
from services.campaigns import consumer as campaigns_consumer
from services.campaigns.domain.coupon_template import Limits
from services.members import consumer as members_consumer
from services.members.domain.redemption import Redemption, State
from services.members.domain.reward import Kind, Reward
from services.members.domain.reward import State as RewardState
from services.members.usecases import redemption, reward, verification
from services.members.usecases.redemption import Refund
from services.members.usecases.reward import CreateReward, TurnReward
from tests.contract.campaigns.conftest import World as Campaigns
from tests.contract.campaigns.test_coupons import stored
from tests.contract.members.conftest import Clock
from tests.contract.members.conftest import World as Members
from tests.support.builders.campaigns import template
from tests.support.builders.mall import offer, redeem
from tests.support.programs import Program, running
from tests.support.rpc import Keys
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(180)

OUTBOX = "select id, type, headers ->> 'ce_type', aggregateid, subject_version, payload from outbox order by sequence"
QUEUES = {
    "members.rewards": ("RewardDelivered", "RewardRefused"),
    "campaigns.redemptions": ("RedemptionConfirmed", "RedemptionRefunded"),
}


@dataclass
class Chain:
    """Both services' databases, and what runs between them."""

    members: Members
    campaigns: Campaigns
    broker_url: str
    workers: Sequence[Program]
    copies: Counter[str] = field(default_factory=Counter)

    def reward(self, *, limits: Limits) -> uuid.UUID:
        """A reward on sale for 100 points: a coupon of a new template."""
        source = stored(self.campaigns, template(limits=limits))
        asked = CreateReward(uuid.uuid4(), Kind.COUPON, offer(item=f"couponTemplates/{source.id}", stock=50))
        made: Reward = self.members.do(reward.create, asked)
        self.members.do(reward.turn, TurnReward(made.id, RewardState.ON_SALE))
        return made.id

    def redeemed(self, what: uuid.UUID, who: uuid.UUID) -> Redemption:
        (got,) = self.members.do(redemption.redeem, [redeem(who, what)])
        assert isinstance(got, Redemption), got
        return got

    def known(self, of: Redemption) -> Redemption:
        found: Redemption = self.members.do(redemption.get, of.member, of.id)
        return found

    def states(self, all_of: list[Redemption]) -> list[State]:
        return sorted(self.known(each).state for each in all_of)

    def coupons(self, state: str = "ISSUED") -> int:
        ((count,),) = self.campaigns.rows("select count(*) from coupons where state = :state", state=state)
        return int(count)

    def left(self) -> int:
        """Points that members have, all together."""
        query = "select coalesce(sum(balance), 0) from ledger_accounts where kind = 'available' and unit = 'points'"
        ((balance,),) = self.members.rows(query)
        return int(balance)

    def again(self, chance: random.Random, *, fresh: bool) -> None:
        """Publish all that both have told once more, in any order; with `fresh` ids no inbox knows it."""
        told = [(service, *row) for service in ("members", "campaigns") for row in getattr(self, service).rows(OUTBOX)]
        chance.shuffle(told)
        with broker.connect(self.broker_url, confirms=True) as connection:
            channel = connection.channel()
            for service, id_, kind, schema, subject, version, payload in told:
                carried = {
                    headers.CE_ID: str(uuid.uuid4() if fresh else id_),
                    headers.CE_TYPE: schema,
                    headers.CE_SOURCE: f"kehu/{service}",
                    headers.CE_SUBJECT: subject,
                    headers.CE_SUBJECTVERSION: version,
                    headers.CE_TIME: datetime.now(UTC).isoformat(),
                }
                message = amqp.Message(
                    payload,
                    content_type="application/json",
                    delivery_mode=2,
                    message_id=carried[headers.CE_ID],
                    application_headers=carried,
                )
                channel.basic_publish(message, f"{service}.events", routing_key=kind, timeout=10)
                self.copies[kind] += 1

    def settled(self) -> None:
        """Wait until all that was told, and told again, is handled."""
        until(lambda: all(self._handled(queue) == self._told(queue) for queue in QUEUES), within=60, what="the news")

    def _told(self, queue: str) -> int:
        rows = [row for world in (self.members, self.campaigns) for row in world.rows(OUTBOX)]
        kinds = Counter(row[1] for row in rows) + self.copies
        return sum(kinds[kind] for kind in QUEUES[queue])

    def _handled(self, queue: str) -> int:
        outcomes = ("ok", "duplicate", "dead")
        return int(
            sum(
                worker.metric("events_handled_total", queue=queue, outcome=outcome)
                for worker in self.workers
                for outcome in outcomes
            )
        )


@pytest.fixture
def chain(migrated: Callable[[str], str], broker_url: str, keys: Keys, tmp_path: Path) -> Iterator[Chain]:
    """Relays and consumers of both services, between two databases and a broker."""
    for consumer in (members_consumer, campaigns_consumer):
        broker.declare(broker_url, consumer.subscriptions.topology())
    urls = {service: migrated(service) for service in ("members", "campaigns")}
    workers = []
    with ExitStack() as processes:
        for service, url in urls.items():
            environment = {
                "KEHU_DATABASE_URL": url,
                "KEHU_BROKER_URL": broker_url,
                "KEHU_KEYRING_FILE": str(keys.keyring_file),
            }
            for role in ("relay", "consume"):
                log = tmp_path / f"{service}-{role}.log"
                program = processes.enter_context(
                    running(f"services.{service}", role, log=log, environment=environment)
                )
                if role == "consume":
                    workers.append(program)
        for worker in workers:
            worker.wait_for("consuming")
        now = datetime.now(UTC)
        members, campaigns = Members(urls["members"], Clock(now)), Campaigns(urls["campaigns"], now)
        processes.callback(members.database.close)
        processes.callback(campaigns.database.close)
        yield Chain(members, campaigns, broker_url, workers)


def test_what_campaigns_delivers_is_fulfilled_and_what_it_refuses_gives_everything_back(chain: Chain) -> None:
    (who,) = chain.members.enrolled(available=500)
    cup = chain.reward(limits=Limits(issue=2))
    many = [chain.redeemed(cup, who) for _ in range(5)]
    assert chain.left() == 0
    until(lambda: chain.states(many) == [State.FULFILLED] * 2 + [State.REFUNDED] * 3, within=60)
    refused = [known for each in many if (known := chain.known(each)).state is State.REFUNDED]
    assert {(each.refusal, each.restocked) for each in refused} == {("ISSUE_LIMIT_REACHED", True)}
    assert (chain.left(), chain.coupons()) == (300, 2)
    assert chain.members.rows("select held, redeemed from rewards") == [(0, 2)]
    chain.settled()


@pytest.mark.parametrize("fresh", [False, True], ids=["the same ids", "other ids"])
def test_news_that_come_again_in_any_order_change_nothing(chain: Chain, fresh: bool) -> None:
    people = chain.members.enrolled(4, available=300)
    cup = chain.reward(limits=Limits(issue=6))
    many = [chain.redeemed(cup, who) for who in people for _ in range(3)]
    until(lambda: chain.states(many) == [State.FULFILLED] * 6 + [State.REFUNDED] * 6, within=60)
    taken_back = next(known for each in many if (known := chain.known(each)).state is State.FULFILLED)
    chain.members.do(redemption.refund, [Refund(taken_back.member, taken_back.id, "", restock=True)])
    until(lambda: chain.coupons("VOID") == 1, within=60)
    chance = random.Random(4711)
    for _ in range(3):
        chain.again(chance, fresh=fresh)
    chain.settled()
    assert chain.states(many) == [State.FULFILLED] * 5 + [State.REFUNDED] * 7
    assert (chain.left(), chain.coupons(), chain.coupons("VOID")) == (700, 5, 1)
    assert chain.members.rows("select held, redeemed from rewards") == [(0, 5)]
    assert chain.members.do(verification.ledger) == []
