"""Receipts on a real database: a receipt gives points once, whoever scans it how often at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kit.errors import Fault
from kit.page import Page
from services.members.domain.audit import Author
from services.members.domain.receipt import ReceiptClaim, ReceiptKey
from services.members.usecases import audit, engagement, receipt
from services.members.usecases.engagement import UpdateEngagementPolicy
from services.members.usecases.receipt import Claim, CreateKey, RetireKey, RevokeKey
from tests.contract.members.conftest import World
from tests.contract.members.test_races import at_once
from tests.support.builders import engagement as builders
from tests.support.builders.engagement import limit, printed, receipt_rules

ADA = Author("ada", "kehu.members.v1.EngagementService/RevokeReceiptKey")


@pytest.fixture
def member(world: World) -> UUID:
    """A member of a programme in which receipts can be claimed."""
    rule(world)
    (of,) = world.enrolled()
    return of


def rule(world: World, **rules: Any) -> None:
    world.do(engagement.update, UpdateEngagementPolicy({"receipts": receipt_rules(**rules)}))


def issued(world: World, *numbers: str, **fields: Any) -> list[str]:
    codes: list[str] = world.do(receipt.issue, [builders.receipt(number, **fields) for number in numbers or ("R-1",)])
    return codes


def registered(world: World, store: str = "tea-1") -> tuple[Ed25519PrivateKey, ReceiptKey]:
    """The key of a till that the service knows."""
    private = Ed25519PrivateKey.generate()
    known: ReceiptKey = world.do(
        receipt.create_key, CreateKey(uuid4(), ADA, store, private.public_key().public_bytes_raw())
    )
    return private, known


def scan(world: World, of: UUID, code: str, *, device: str = "") -> ReceiptClaim:
    done: ReceiptClaim = world.do(receipt.claim, Claim(uuid4(), of, code, device))
    return done


def refusal(world: World, of: UUID, code: str, **fields: str) -> str:
    with pytest.raises(Fault) as caught:
        scan(world, of, code, **fields)
    return caught.value.reason


def test_a_receipt_earns_as_an_order_would(world: World, member: UUID) -> None:
    (code,) = issued(world, cents=1880)
    done = scan(world, member, code)
    assert (done.points, done.receipt) == (18, builders.receipt("R-1"))
    assert world.wallet(member) == (18, 0, 0)
    name = f"members/{member}/receiptClaims/{done.id}"
    assert [source for (source,) in world.rows("select source from ledger_entries")] == [name]
    assert [subject for subject, _, _ in world.published("ReceiptClaimed")] == [name]


def test_a_hundred_claims_of_one_code_at_once_give_points_once(world: World) -> None:
    rule(world)
    many = world.enrolled(20)
    (code,) = issued(world)
    outcomes = at_once([lambda of=of: scan(world, of, code) for of in many * 5])  # type: ignore[misc]
    refused = [outcome.reason for outcome in outcomes if isinstance(outcome, Fault)]
    assert refused == ["RECEIPT_CLAIMED"] * 99
    assert sum(world.wallet(of)[0] for of in many) == 18
    assert len(world.published("ReceiptClaimed")) == 1


def test_a_till_without_a_network_signs_with_its_own_key(world: World, member: UUID) -> None:
    private, key = registered(world)
    assert scan(world, member, printed(private, key.id, builders.receipt())).key == key.id
    stranger, _ = builders.till()
    assert refusal(world, member, printed(stranger, key.id, builders.receipt("R-2"))) == "RECEIPT_CODE_INVALID"
    assert refusal(world, member, printed(private, uuid4(), builders.receipt("R-2"))) == "RECEIPT_CODE_FOREIGN"
    elsewhere = builders.receipt("R-2", store="tea-2")
    assert refusal(world, member, printed(private, key.id, elsewhere)) == "RECEIPT_CODE_FOREIGN"


def test_the_same_receipt_by_the_till_and_by_the_service_gives_points_once(world: World, member: UUID) -> None:
    private, key = registered(world)
    scan(world, member, printed(private, key.id, builders.receipt("R-1")))
    (code,) = issued(world, "R-1")
    assert refusal(world, member, code) == "RECEIPT_CLAIMED"


def test_keys_change_without_a_receipt_being_lost_and_a_stolen_one_is_worth_nothing(world: World, member: UUID) -> None:
    (old_code,) = issued(world, "R-1")
    (old,) = world.do(receipt.keys, Page(10))
    new: ReceiptKey = world.do(receipt.create_key, CreateKey(uuid4(), ADA))
    world.clock.move(timedelta(seconds=1))
    world.do(receipt.retire_key, RetireKey(old.id, ADA, "a new key"))
    (new_code,) = issued(world, "R-2")
    assert scan(world, member, new_code).key == new.id
    assert scan(world, member, old_code).key == old.id
    (stolen_code,) = issued(world, "R-3")
    world.do(receipt.revoke_key, RevokeKey(new.id, ADA, "stolen"))
    assert refusal(world, member, stolen_code) == "RECEIPT_KEY_REVOKED"
    with pytest.raises(Fault) as caught:
        issued(world, "R-4")
    assert caught.value.metadata == {"activity": "receipt signing"}
    assert world.do(receipt.get_key, new.id).revoke_time == world.clock.now


def test_nothing_of_a_key_that_signs_is_stored(world: World, member: UUID) -> None:
    (key,) = world.do(receipt.keys, Page(10))
    assert key.material.decode() not in str(world.rows("select * from receipt_keys"))


def test_receipts_of_tea_for_less_than_a_point_or_in_other_money_are_refused_and_not_used_up(
    world: World, member: UUID
) -> None:
    for code in (*issued(world, cents=99), *issued(world, currency="CNY")):
        assert refusal(world, member, code) == "RECEIPT_WORTHLESS"
    (code,) = issued(world)
    assert scan(world, member, code).points == 18


def test_a_receipt_is_claimed_in_time_or_never(world: World, member: UUID) -> None:
    code, other = issued(world, "R-1", "R-2")
    world.clock.move(timedelta(days=30) - timedelta(seconds=1))
    assert scan(world, member, code).points == 18
    world.clock.move(timedelta(seconds=1))
    assert refusal(world, member, other) == "RECEIPT_EXPIRED"


@pytest.mark.parametrize(
    ("limits", "given"),
    [
        (limit("MEMBER", count=3), 3),
        (limit("DEVICE", count=4), 4),
        (limit("STORE", count=5), 5),
        (limit("STORE", points=100), 5),
        (limit("MEMBER", points=18), 1),
    ],
    ids=str,
)
def test_limits_hold_when_all_scan_at_once_and_what_is_refused_stays_good(
    world: World, member: UUID, limits: Any, given: int
) -> None:
    rule(world, limits=(limits,))
    codes = issued(world, *(f"R-{number}" for number in range(20)))
    outcomes = at_once([lambda code=code: scan(world, member, code, device="phone") for code in codes])  # type: ignore[misc]
    refused = [outcome.reason for outcome in outcomes if isinstance(outcome, Fault)]
    assert refused == ["DAILY_LIMIT_REACHED"] * (20 - given)
    assert world.wallet(member)[0] == 18 * given
    world.clock.move(timedelta(days=1))
    left = next(code for code, outcome in zip(codes, outcomes, strict=True) if isinstance(outcome, Fault))
    assert scan(world, member, left).points == 18


def test_revoking_a_key_while_all_scan_lets_none_slip_in_behind(world: World) -> None:
    rule(world)
    private, key = registered(world)
    many = world.enrolled(40)
    codes = [printed(private, key.id, builders.receipt(f"R-{number}")) for number in range(40)]
    acts: list[Any] = [lambda of=of, code=code: scan(world, of, code) for of, code in zip(many, codes, strict=True)]
    acts.insert(20, lambda: world.do(receipt.revoke_key, RevokeKey(key.id, ADA, "stolen")))
    outcomes = at_once(acts)
    claimed = [outcome for outcome in outcomes if isinstance(outcome, ReceiptClaim)]
    assert len(claimed) == len(world.rows("select 1 from receipt_claims"))
    assert {outcome.reason for outcome in outcomes if isinstance(outcome, Fault)} <= {"RECEIPT_KEY_REVOKED"}
    assert refusal(world, many[0], printed(private, key.id, builders.receipt("R-41"))) == "RECEIPT_KEY_REVOKED"


def test_a_members_claims_come_in_pages(world: World, member: UUID) -> None:
    for code in issued(world, "R-1", "R-2", "R-3"):
        scan(world, member, code)
    claims = world.do(receipt.claims, member, Page(10))
    assert {claim.receipt.number for claim in claims} == {"R-1", "R-2", "R-3"}
    assert world.do(receipt.claims, member, Page(2, (str(claims[1].id),))) == claims[2:]
    with pytest.raises(Fault) as caught:
        world.do(receipt.claims, uuid4(), Page(10))
    assert caught.value.reason == "MEMBER_NOT_FOUND"


def test_nobody_claims_nothing_and_the_receipt_stays_good(world: World, member: UUID) -> None:
    (code,) = issued(world)
    assert refusal(world, uuid4(), code) == "MEMBER_NOT_FOUND"
    assert scan(world, member, code).points == 18
    world.do(engagement.update, UpdateEngagementPolicy({"receipts": None}))
    assert refusal(world, member, code) == "ENGAGEMENT_DISABLED"


def test_what_is_done_to_keys_stands_in_the_trail_once(world: World, member: UUID) -> None:
    _, key = registered(world)
    for _ in range(2):
        world.do(receipt.retire_key, RetireKey(key.id, ADA, "a new till"))
        world.do(receipt.revoke_key, RevokeKey(key.id, ADA, "stolen"))
    entries = world.do(audit.entries, audit.Query(subject=f"receiptKeys/{key.id}"), Page(10))
    assert [(entry.actor, entry.reason) for entry in entries] == [
        ("ada", "stolen"),
        ("ada", "a new till"),
        ("ada", "registered"),
    ]
