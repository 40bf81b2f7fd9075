"""What stores owe each other for stored value: it sums to zero, and it is what the ledger says."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from kit.errors import Fault
from services.members.domain.audit import Author
from services.members.domain.gift_card import digest, spell
from services.members.domain.settlement import Settlement
from services.members.domain.stored_value import NOTHING, Parts, account_owner
from services.members.usecases import gift_card, stored_payment, stored_value, top_up, verification
from services.members.usecases.gift_card import Void
from services.members.usecases.verification import VerifyMember
from tests.contract.members.conftest import World
from tests.contract.members.purses import check_stored_value
from tests.support.builders.members import NOW
from tests.support.builders.stored_value import (
    CURRENCY,
    activate,
    end,
    give_back,
    issue,
    pay,
    pay_in,
    update_rules,
)

STORES = ("east", "north", "south", "west")
FOREVER = NOW + timedelta(days=36_500)

# The store's side of the ledger: what was collected there was debited, what was honoured credited.
_LEDGER = """
    select a.kind, sum(case when e.credit = a.id then e.amount else -e.amount end)
    from ledger_accounts a join ledger_entries e on a.id in (e.credit, e.debit)
    where a.owner = :owner and a.unit = 'stored/CNY' group by a.kind
"""


def report(world: World, start: datetime = NOW, until: datetime = FOREVER) -> Settlement:
    settlement: Settlement = world.do(stored_value.settle, CURRENCY, start, until)
    return settlement


def lines(settlement: Settlement) -> dict[str, tuple[Parts, Parts]]:
    """Per store what was collected and what was honoured."""
    return {line.store: (line.collected, line.honoured) for line in settlement.stores}


def zero(settlement: Settlement) -> bool:
    """Whether all stores and the issuer sum to nothing, principal and bonus apart."""
    total = settlement.issuer.net
    for line in settlement.stores:
        total = total.plus(line.net)
    return total == NOTHING


def from_the_ledger(world: World, store: str) -> tuple[Parts, Parts]:
    found = dict(world.rows(_LEDGER, owner=account_owner(store)))
    collected = Parts(-found.get("collected", 0), -found.get("granted", 0))
    return collected, Parts(found.get("honoured", 0), found.get("honoured_bonus", 0))


def test_a_store_gives_what_it_collected_and_gets_what_it_honoured(world: World) -> None:
    world.do(stored_value.update_rules, update_rules((10_000, 1_000)))
    (member,) = world.enrolled()
    world.do(top_up.top_up, [pay_in(member, 10_000, store="east")])
    paid = world.do(stored_payment.pay, [pay(member, 5_500, store="west")])[0]
    world.do(stored_payment.refund, give_back(paid.id, 1_100, store="north"))
    settlement = report(world)
    assert lines(settlement) == {
        "east": (Parts(10_000, 1_000), NOTHING),
        "north": (NOTHING, Parts(-1_000, -100)),
        "west": (NOTHING, Parts(5_000, 500)),
    }
    assert settlement.issuer.net == Parts(6_000, 600)
    assert zero(settlement)


def test_each_document_counts_in_the_period_of_its_own_moment(world: World) -> None:
    (member,) = world.enrolled()
    day = timedelta(days=1)
    made = world.do(top_up.top_up, [pay_in(member, 10_000, store="east")])[0]
    held = world.do(stored_payment.pay, [pay(member, 500, store="west", ttl=10**6)])[0]
    world.clock.move(day)
    world.do(stored_payment.confirm, [end(held.id)])
    world.clock.move(day)
    world.do(top_up.refund, give_back(made.id, 100))
    assert lines(report(world, NOW, NOW + day)) == {"east": (Parts(10_000), NOTHING)}
    assert lines(report(world, NOW + day, NOW + 2 * day)) == {"west": (NOTHING, Parts(500))}
    assert lines(report(world, NOW + 2 * day, NOW + 3 * day)) == {"east": (Parts(-100), NOTHING)}


def test_an_empty_period_is_refused(world: World) -> None:
    with pytest.raises(Fault) as caught:
        report(world, NOW, NOW)
    assert caught.value.violations[0].field == "end_time"


class Walk:
    """Random operations on stored value at all stores; a seed says which."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        # Not a secret: a walk that can be taken again.
        self.chance = random.Random(seed)
        self.members = world.enrolled(4)
        self.known: dict[str, list[UUID]] = {"top-up": [], "paid": [], "held": [], "card": []}

    def step(self) -> None:
        acts = (self.top_up, self.pay, self.hold, self.confirm, self.release, self.refund, self.pay_back, self.card,
                self.void, self.wait)  # fmt: skip
        self.chance.choice(acts)()

    def top_up(self) -> None:
        self.do(top_up.top_up, [pay_in(self.member(), self.amount(), store=self.store())], "top-up")

    def pay(self) -> None:
        self.do(stored_payment.pay, [pay(self.member(), self.amount(), store=self.store())], "paid")

    def hold(self) -> None:
        self.do(stored_payment.pay, [pay(self.member(), self.amount(), store=self.store(), ttl=60)], "held")

    def confirm(self) -> None:
        self.do(stored_payment.confirm, [end(self.any("held"), self.amount())], "paid")

    def release(self) -> None:
        self.do(stored_payment.release, [end(self.any("held"))])

    def refund(self) -> None:
        self.do(stored_payment.refund, give_back(self.any("paid"), self.amount(), store=self.store()))

    def pay_back(self) -> None:
        self.do(top_up.refund, give_back(self.any("top-up"), self.amount(), store=self.store()))

    def card(self) -> None:
        code = spell(self.chance.getrandbits(100))
        hash_ = digest(code).hash
        command = issue([code], value=self.amount(), promotional=self.chance.random() < 0.5)
        shown = self.world.do(gift_card.issue, command)[0]
        self.world.do(gift_card.activate, activate(shown.card.id, store=self.store()))
        self.known["card"].append(shown.card.id)
        self.do(gift_card.pay, [pay(uuid4(), self.amount(), store=self.store(), of_card=True, code=hash_)], "paid")
        if self.chance.random() < 0.5:
            self.do(gift_card.redeem, gift_card.Redeem(hash_, self.member()))

    def void(self) -> None:
        self.do(gift_card.void, Void(self.any("card"), uuid4(), Author("ada", "VoidGiftCard"), "test"))

    def wait(self) -> None:
        self.world.clock.move(timedelta(seconds=19))
        self.world.do(stored_payment.expire)

    def do(self, usecase: Any, command: Any, kind: str = "") -> None:
        """Do it, if it is possible."""
        try:
            outcome = self.world.do(usecase, command)
        except Fault:
            return
        made = outcome[0] if isinstance(outcome, list) else outcome
        if kind and not isinstance(made, Fault):
            self.known[kind].append(made.id)

    def any(self, kind: str) -> UUID:
        return self.chance.choice(self.known[kind] or [uuid4()])

    def member(self) -> UUID:
        return self.chance.choice(self.members)

    def store(self) -> str:
        return self.chance.choice(STORES)

    def amount(self) -> int:
        return self.chance.randint(1, 6_000)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_the_settlement_sums_to_zero_and_agrees_with_the_ledger(world: World, seed: int) -> None:
    world.do(stored_value.update_rules, update_rules((1_000, 77), (5_000, 1_001)))
    walk = Walk(world, seed)
    for _ in range(250):
        walk.step()
    settlement = report(world)
    assert {line.store for line in settlement.stores} == set(STORES)
    assert zero(settlement)
    assert lines(settlement) == {store: from_the_ledger(world, store) for store in STORES}
    purses = "select coalesce(sum(balance), 0) from ledger_accounts where unit = 'stored/CNY' and balance is not null"
    assert settlement.issuer.net.total == world.rows(purses)[0][0]
    middle = NOW + (world.clock.now - NOW) / 2
    halves = [lines(report(world, *each)) for each in ((NOW, middle), (middle, FOREVER))]
    for store in STORES:
        parts = [half.get(store, (NOTHING, NOTHING)) for half in halves]
        assert tuple(a.plus(b) for a, b in zip(*parts, strict=True)) == lines(settlement)[store]
    assert world.do(verification.ledger) == []
    proofs = [world.do(verification.verify_member, VerifyMember(member, str)) for member in walk.members]
    assert all(proof.ok for proof in proofs)
    check_stored_value(world)
