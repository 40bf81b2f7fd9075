"""Codes of receipts: what was signed is read, everything else is refused with its reason."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from services.members.domain.receipt import check_public_key, key_of
from tests.support.builders.engagement import limit, own_key, printed, receipt, receipt_rules, till
from tests.support.builders.members import NOW

DAY = timedelta(days=1)


def reason(act: Callable[[], Any]) -> str:
    with pytest.raises(Fault) as caught:
        act()
    return caught.value.reason


def altered(code: str, **claims: Any) -> str:
    """The code with other claims under the old signature."""
    head, body, signature = code.split(".")
    said = json.loads(base64.urlsafe_b64decode(body + "=="))
    changed = base64.urlsafe_b64encode(json.dumps(said | claims).encode()).rstrip(b"=").decode()
    return f"{head}.{changed}.{signature}"


def test_a_code_says_what_was_signed_and_by_which_key() -> None:
    key = own_key()
    code = key.sign(receipt())
    assert key_of(code) == key.id
    assert key.read(code) == receipt()
    private, of_till = till()
    assert of_till.read(printed(private, of_till.id, receipt())) == receipt()


def test_a_code_fits_into_a_qr_code_that_a_phone_reads() -> None:
    code = own_key().sign(receipt("20260301-0001-000123", store="shanghai-xintiandi-0042"))
    assert len(code) < 400


@pytest.mark.parametrize("claims", [{"amount": 188000}, {"store": "tea-2"}, {"receipt": "R-2"}, {"currency": "CNY"}])
def test_an_altered_code_is_refused(claims: dict[str, Any]) -> None:
    key = own_key()
    assert reason(lambda: key.read(altered(key.sign(receipt()), **claims))) == "RECEIPT_CODE_INVALID"
    private, of_till = till()
    code = altered(printed(private, of_till.id, receipt()), **claims)
    assert reason(lambda: of_till.read(code)) == "RECEIPT_CODE_INVALID"


@given(st.integers(0, 10_000), st.integers(1, 127))
def test_a_code_with_any_other_letter_is_refused_or_says_the_same(position: int, letter: int) -> None:
    key = own_key()
    code = key.sign(receipt())
    position %= len(code)
    forged = code[:position] + chr(letter) + code[position + 1 :]
    try:
        said = str(key.read(forged))  # the last letter of base64 has bits that say nothing
    except Fault as fault:
        said = fault.reason
    assert said in (str(receipt()), "RECEIPT_CODE_INVALID")


def test_a_code_of_another_key_or_algorithm_is_refused() -> None:
    key = own_key()
    stranger, of_till = till()
    assert reason(lambda: key.read(own_key().sign(receipt()))) == "RECEIPT_CODE_INVALID"
    assert reason(lambda: key.read(printed(stranger, key.id, receipt()))) == "RECEIPT_CODE_INVALID"
    public_as_secret = replace(key, id=of_till.id, material=of_till.material).sign(receipt())
    assert reason(lambda: of_till.read(public_as_secret)) == "RECEIPT_CODE_INVALID"
    unsigned = jwt.encode({"store": "tea-1"}, "", algorithm="none", headers={"kid": str(key.id)})
    assert reason(lambda: key.read(unsigned)) == "RECEIPT_CODE_INVALID"


def spelled(header: bytes) -> str:
    """Something of the form of a code, with any bytes as its header."""
    return f"{base64.urlsafe_b64encode(header).rstrip(b'=').decode()}.e30.e30"


@pytest.mark.parametrize(
    "code",
    [
        *("", ".", "..", "a.b.c", "R-0001", "客户", "\0", "x" * 2000, "e30.e30.e30"),
        *map(spelled, (b"[" * 1400, b'{"kid":' * 200, b'{"kid":' + b"9" * 1000 + b"}", b'{"kid":["a"]}', b"\xff")),
    ],
)
def test_what_is_no_code_is_refused(code: str) -> None:
    assert reason(lambda: key_of(code)) == "RECEIPT_CODE_INVALID"
    assert reason(lambda: own_key().read(code)) == "RECEIPT_CODE_INVALID"


@pytest.mark.parametrize(
    "claims",
    [
        {"amount": 0},
        {"amount": -1},
        {"amount": 10**15},
        {"amount": "1880"},
        {"amount": 18.8},
        {"amount": True},
        {"currency": "usd"},
        {"currency": ""},
        {"store": ""},
        {"store": "a\0b"},
        {"store": "x" * 101},
        {"receipt": ""},
        {"receipt": 7},
        {"receipt": None},
        {"iat": -1},
        {"iat": 10**18},
        {"iat": "now"},
    ],
)
def test_a_till_that_signs_nonsense_is_refused(claims: dict[str, Any]) -> None:
    private, key = till(store=claims.get("store") or "tea-1")
    assert reason(lambda: key.read(printed(private, key.id, receipt(), claims))) == "RECEIPT_CODE_INVALID"


def test_the_till_of_one_store_cannot_sign_for_another() -> None:
    private, key = till("tea-1")
    code = printed(private, key.id, receipt(store="tea-2"))
    assert reason(lambda: key.read(code)) == "RECEIPT_CODE_FOREIGN"


def test_a_retired_key_is_good_for_what_it_signed_before_and_a_revoked_one_for_nothing() -> None:
    private, key = till()
    before = printed(private, key.id, receipt(time=NOW - DAY))
    after = printed(private, key.id, receipt(time=NOW))
    retired = key.retired(NOW)
    assert retired.read(before) == receipt(time=NOW - DAY)
    assert reason(lambda: retired.read(after)) == "RECEIPT_KEY_REVOKED"
    assert retired.retired(NOW + DAY) == retired
    revoked = retired.revoked(NOW)
    assert reason(lambda: revoked.read(before)) == "RECEIPT_KEY_REVOKED"
    assert revoked.revoked(NOW + DAY) == revoked


def test_only_a_good_key_of_the_service_signs() -> None:
    key = own_key()
    assert key.signs(NOW)
    assert key.retired(NOW + DAY).signs(NOW)
    assert not key.retired(NOW).signs(NOW)
    assert not key.revoked(NOW).signs(NOW)
    assert not till()[1].signs(NOW)


@pytest.mark.parametrize(
    ("age", "refusal"),
    [
        (timedelta(0), ""),
        (timedelta(days=30) - timedelta(seconds=1), ""),
        (timedelta(days=30), "RECEIPT_EXPIRED"),
        (timedelta(minutes=-5), ""),
        (timedelta(minutes=-6), "RECEIPT_CODE_INVALID"),
    ],
)
def test_a_receipt_can_be_claimed_for_so_many_days(age: timedelta, refusal: str) -> None:
    def check() -> None:
        receipt_rules(days=30).check_time(receipt(time=NOW - age), NOW)

    if refusal:
        assert reason(check) == refusal
    else:
        check()


def test_a_receipt_gives_any_number_of_points_unless_the_rules_bound_it() -> None:
    assert (receipt_rules().most, receipt_rules(most=10).most) == (None, 10)


def test_limits_that_contradict_each_other_are_refused() -> None:
    rules = receipt_rules(limits=(limit("DEVICE", count=1), limit("DEVICE", count=2)))
    assert reason(lambda: rules.check("receipts")) == "ENGAGEMENT_INVALID"


def test_bytes_that_are_no_public_key_are_refused() -> None:
    check_public_key(till()[1].material, "public_key")
    assert reason(lambda: check_public_key(b"short", "public_key")) == "REQUEST_INVALID"


def test_a_key_never_shows_its_secret() -> None:
    assert "secret" not in repr(own_key())
