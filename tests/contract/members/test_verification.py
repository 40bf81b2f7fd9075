"""Proof on a real database: nothing differs whatever was done, and whatever is forged is found."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from kit.errors import Fault
from kit.page import Page
from kit.proof import chain_faults
from kit.signing import Signer, verified
from services.members.domain.reward import State as RewardState
from services.members.domain.verification import Check, Kind, Signed
from services.members.usecases import (
    hold,
    merge,
    points,
    programme,
    programme_points,
    purchase,
    redemption,
    reward,
    stored_payment,
    stored_value,
    top_up,
    verification,
)
from services.members.usecases.merge import MergeMembers, UndoMerge
from services.members.usecases.verification import VerifyMember
from tests.contract.members.conftest import World
from tests.support.builders.mall import create_reward, redeem
from tests.support.builders.members import dollars, settlement
from tests.support.builders.members import programme as default_programme
from tests.support.builders.proof import AUTHOR, act
from tests.support.builders.stored_value import pay as pay_stored
from tests.support.builders.stored_value import pay_in, update_rules
from tests.support.rpc import make_keys


def unsigned(payload: str) -> str:
    return payload


def verify(world: World, member: UUID) -> tuple[Signed, list[Check]]:
    """The statement, and the checks that it tells of."""
    signed: Signed = world.do(verification.verify_member, VerifyMember(member, unsigned))
    return signed, [Check(**each) for each in json.loads(signed.jws)["checks"]]


def sweep(world: World) -> list[Check]:
    """All differences of the whole database."""
    found: list[Check] = [*world.do(verification.ledger), *world.do(verification.tiers, verification.NOBODY)[0]]
    return found


def forge(world: World, *statements: str, **values: Any) -> None:
    """Change what nobody may, as only a superuser can."""

    def run(unit: Any) -> None:
        unit.connection.execute(text("set local session_replication_role = replica"))
        for statement in statements:
            unit.connection.execute(text(statement), values)

    world.do(run)


@pytest.fixture
def busy(world: World) -> UUID:
    """Somebody to whom much has happened."""
    return busy_of(world)


def busy_of(world: World) -> UUID:
    """Somebody with lots, a hold, purchases and a tier, among others."""
    world.enrolled(3, available=10)
    (member,) = world.enrolled()
    world.do(points.accrue, [points.Accrue(member, 100, "orders/1")])
    world.do(purchase.settle, [settlement(member, net=120)])
    world.do(hold.change, [hold.PlaceHold(uuid4(), member, 30, "orders/2", timedelta(days=1))])
    world.do(points.spend, [points.Spend(member, 20, "rewards/1")])
    world.do(lambda unit: unit.audit.record(act()))
    world.do(stored_value.update_rules, update_rules((100, 10)))
    world.do(top_up.top_up, [pay_in(member, 100)])
    world.do(stored_payment.pay, [pay_stored(member, 55, ttl=86_400)])
    cup = world.do(reward.create, create_reward(points=10)).id
    world.do(reward.turn, reward.TurnReward(cup, RewardState.ON_SALE))
    world.do(redemption.redeem, [redeem(member, cup)])
    return member


# A forgery, and what must be found then: kind and the end of the subject.
FORGERIES = {
    "a balance": (
        """update ledger_accounts set balance = balance + 1
           where owner = :member and unit = 'points' and kind = 'available'""",
        {("balance", "points/available")},
    ),
    "what is left of a lot": (
        """update ledger_lots set available = available + 1
           where id = (select id from ledger_lots where owner = :member and available > 0 limit 1)""",
        {("lot", "available")},
    ),
    "points moved from lot to lot": (
        """update ledger_lots set available = available + case
               when id = (select max(id::text)::uuid from ledger_lots where owner = :member) then 1 else -1 end
           where owner = :member and available > 0""",
        {("lot", "available")},
    ),
    "a hold": (
        "update holds set points = points + 1 where member = :member and state = 'ACTIVE'",
        {("hold", "points/held")},
    ),
    "the lots of a hold": (
        "update holds set drawn = array[drawn[1] - 1] where member = :member and state = 'ACTIVE'",
        {("hold", "held")},
    ),
    "a hold that is gone": (
        "delete from holds where member = :member",
        {("hold", "points/held"), ("hold", "held"), ("redemption", "redemption")},
    ),
    "a tier": (
        "update tier_changes set to_tier = 'platinum' where member = :member and upgrade",
        {("tier", "tier")},
    ),
    "no tier any more": (
        "delete from tier_changes where member = :member",
        {("tier", "tier")},
    ),
    "a payment by stored value": (
        "update stored_payments set principal = principal + 1, asked = asked + 1 where owner = :member",
        {("stored_hold", "stored/CNY/held_principal")},
    ),
    "a payment by stored value that is over": (
        "update stored_payments set state = 'RELEASED', end_time = create_time where owner = :member",
        {("stored_hold", "stored/CNY/held_principal"), ("stored_hold", "stored/CNY/held_bonus")},
    ),
    "what a purchase earned": (
        "update purchases set earned = earned + 1 where member = :member",
        {("earned", "points")},
    ),
    "the source of what a purchase earned": (
        """update ledger_entries set source = 'surveys/1' where source like 'orders/%-%' and credit in (
               select id from ledger_accounts where owner = :member)""",
        {("earned", "points")},
    ),
    "where a redemption stands": (
        """update redemptions set state = 'REFUNDED', end_time = now(), restocked = false where member = :member""",
        {("redemption", "redemption")},
    ),
    "the points of a redemption": (
        "update redemptions set points = points + 1 where member = :member",
        {("redemption", "redemption")},
    ),
    "the hold of a redemption": (
        """update holds set returned = 1 where member = :member and state = 'CONFIRMED'""",
        {("redemption", "redemption")},
    ),
    "an entry": (
        """update ledger_entries set amount = amount + 1
           where kind = 'SPEND' and debit in (select id from ledger_accounts where owner = :member)""",
        {("balance", "points/available"), ("lot", "available")},
    ),
    "the lot of an entry": (
        """update ledger_entries set lot = null
           where kind = 'SPEND' and debit in (select id from ledger_accounts where owner = :member)""",
        {("lot", "available"), ("no_lot", "points/available")},
    ),
    "an entry that is gone": (
        """delete from ledger_entries
           where kind = 'SPEND' and debit in (select id from ledger_accounts where owner = :member)""",
        {("balance", "points/available"), ("lot", "available")},
    ),
}


def found(checks: list[Check], member: UUID) -> set[tuple[str, str]]:
    """Kinds and the ends of subjects of what differs; lots go by their account alone."""
    ends = set()
    for check in checks:
        assert not check.ok
        if check.subject.startswith(f"members/{member}/"):
            rest = check.subject.split("/", 2)[2]
            named, _, end = rest.partition("/")
            short = {"lots": end.rpartition("/")[2], "purchases": end.partition("/")[2], "redemptions": "redemption"}
            ends.add((str(check.kind), short.get(named, rest)))
    return ends


def test_nothing_differs(world: World, busy: UUID) -> None:
    assert sweep(world) == []
    signed, checks = verify(world, busy)
    assert signed.ok
    assert {str(check.kind) for check in checks} == {*Kind} - {"reward", "zero_sum", "audit"}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_what_is_forged_is_found_for_the_member_and_for_the_whole_database(unchecked: World, forgery: str) -> None:
    world = unchecked
    member = busy_of(world)
    statement, expected = FORGERIES[forgery]
    forge(world, statement, member=member)
    everything = sweep(world)
    assert found(everything, member) == expected
    others = {str(check.kind) for check in everything if not check.subject.startswith(f"members/{member}/")}
    assert others <= {"zero_sum"}
    signed, checks = verify(world, member)
    assert not signed.ok
    assert found([check for check in checks if not check.ok], member) == expected


OF_PROGRAMMES = {
    "a hold of another programme": (
        "update holds set programme = 'default' where member = :member and programme = 'stars'",
        {"points/held", "points/stars/held", "held"},
    ),
    "a hold that is gone": (
        "delete from holds where member = :member and programme = 'stars'",
        {"points/stars/held", "held"},
    ),
    "a hold on another programme's lot": (
        """update holds set lots = (select array_agg(id) from ledger_lots where owner = :member and unit = 'points')
           where member = :member and programme = 'stars'""",
        {"held"},
    ),
}


@pytest.mark.parametrize("forgery", OF_PROGRAMMES)
def test_a_hold_in_the_wrong_programme_is_found(unchecked: World, forgery: str) -> None:
    world = unchecked
    world.do(programme.create, replace(default_programme(), id="stars", tiers=()))
    (member,) = world.enrolled(available=100)
    world.do(programme_points.accrue, [points.Accrue(member, 100, "tests/1", programme="stars")])
    world.do(hold.change, [hold.PlaceHold(uuid4(), member, 30, "orders/2", timedelta(days=1), "stars")])
    assert sweep(world) == []
    statement, ends = OF_PROGRAMMES[forgery]
    forge(world, statement, member=member)
    expected = {("hold", end) for end in ends}
    assert found(sweep(world), member) == expected
    signed, checks = verify(world, member)
    assert not signed.ok
    assert found([check for check in checks if not check.ok], member) == expected


@pytest.mark.parametrize("counter", ["held", "redeemed"])
def test_a_wrong_counter_of_a_reward_is_found(unchecked: World, counter: str) -> None:
    busy_of(unchecked)
    forge(unchecked, f"update rewards set {counter} = {counter} + 2")
    ((kind, subject, expected, actual),) = [
        (each.kind, each.subject.rpartition("/")[2], each.expected, each.actual) for each in sweep(unchecked)
    ]
    wanted = "1" if counter == "redeemed" else "0"
    assert (kind, subject, expected, actual) == ("reward", counter, wanted, str(int(wanted) + 2))


def test_what_was_earned_in_another_programme_is_compared_with_its_own_entries(unchecked: World) -> None:
    world = unchecked
    world.do(programme.create, replace(default_programme(), id="stars", tiers=()))
    (member,) = world.enrolled()
    world.do(purchase.settle, [settlement(member, net=120)])
    assert sweep(world) == []
    forge(world, "update earnings set points = points - 1 where programme = 'stars'")
    assert found(sweep(world), member) == {("earned", "points/stars")}


def test_what_was_earned_is_proved_after_merges_and_their_undoing(world: World) -> None:
    gone, kept = world.enrolled(2)
    bought = settlement(gone, net=100)
    world.do(purchase.settle, [bought])
    made = world.do(merge.merge, MergeMembers(uuid4(), gone, kept, AUTHOR, "one person"))
    world.do(purchase.settle, [replace(bought, net=dollars(40), version=2)])
    assert verify(world, kept)[0].ok
    world.do(merge.undo, UndoMerge(made.id, AUTHOR, "two persons"))
    for member in (gone, kept):
        signed, checks = verify(world, member)
        assert signed.ok, [check for check in checks if not check.ok]
    assert [check.expected for check in verify(world, gone)[1] if check.kind == "earned"] == ["40"]


def test_statements_of_a_key_that_was_replaced_can_still_be_verified(world: World, busy: UUID, tmp_path: Path) -> None:
    old, new = (Signer((make_keys(tmp_path).service_key_file).read_text()) for _ in range(2))
    before = world.do(verification.verify_member, VerifyMember(busy, old.sign, old.public_jwk))
    world.clock.move(timedelta(days=1))
    after = world.do(verification.verify_member, VerifyMember(busy, new.sign, new.public_jwk))
    keys = world.do(verification.keys, new.public_jwk)
    assert [key["kid"] for key in keys] == [new.public_jwk["kid"], old.public_jwk["kid"]]
    jwks = json.dumps({"keys": keys})
    assert chain_faults([verified(each.jws, jwks) for each in (before, after)]) == []
    third = Signer(make_keys(tmp_path).service_key_file.read_text())
    first, *others = (key["kid"] for key in world.do(verification.keys, third.public_jwk))
    assert (first, len(others)) == (third.public_jwk["kid"], 2)


def test_an_entry_between_units_is_found(unchecked: World) -> None:
    world = unchecked
    busy_of(world)
    forge(
        world,
        """insert into ledger_accounts (unit, owner, kind, sign, balance)
           values ('other', gen_random_uuid(), 'x', 0, null)""",
        "insert into ledger_entries (debit, credit, amount, kind, source, effective_time, create_time)"
        " select o.id, p.id, 5, 'X', 'x', now(), now() from ledger_accounts o, ledger_accounts p"
        " where o.unit = 'other' and p.unit = 'points' and p.kind = 'clearing'",
    )
    assert {(check.kind, check.subject, check.actual) for check in sweep(world)} == {
        ("zero_sum", "units/other", "-5"),
        ("zero_sum", "units/points", "5"),
    }


def test_an_entry_of_no_account_is_found(unchecked: World) -> None:
    world = unchecked
    busy_of(world)
    forge(
        world,
        "insert into ledger_entries (debit, credit, amount, kind, source, effective_time, create_time)"
        " select id, 999999, 5, 'X', 'x', now(), now() from ledger_accounts where kind = 'clearing'",
    )
    assert ("balance", "ledger_accounts/999999") in {(check.kind, check.subject) for check in sweep(world)}


def test_a_forged_trail_is_found(unchecked: World) -> None:
    world = unchecked
    busy_of(world)
    forge(world, "update audit_entries set reason = 'none' where reason = 'goodwill'")
    assert [(check.kind, check.subject) for check in sweep(world)] == [("audit", "auditEntries/1")]


def test_statements_of_a_member_are_a_chain(world: World, busy: UUID) -> None:
    first, _ = verify(world, busy)
    world.do(points.accrue, [points.Accrue(busy, 1, "orders/9")])
    second, _ = verify(world, busy)
    assert (first.sequence, second.sequence, second.previous) == (1, 2, first.hash)
    kept = [signed.jws for signed in world.do(verification.statements, busy, Page(50))]
    assert chain_faults(kept[::-1]) == []
    assert json.loads(kept[0])["lastEntry"] > json.loads(kept[1])["lastEntry"]
    assert chain_faults([kept[1], kept[1]]) != []


def test_a_statement_that_says_otherwise_than_its_checks_is_found(world: World, busy: UUID) -> None:
    signed, _ = verify(world, busy)
    assert chain_faults([signed.jws.replace('"ok":true', '"ok":false')]) != []


def test_nobody_cannot_be_verified(world: World) -> None:
    with pytest.raises(Fault) as refusal:
        verify(world, uuid4())
    assert refusal.value.reason == "MEMBER_NOT_FOUND"
