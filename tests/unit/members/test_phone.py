"""Phone numbers: one form, and the short way to it."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.errors import Fault
from services.members.domain import phone
from services.members.domain.phone import parse_phone


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("+86 138-0013-8000", "+8613800138000"),
        ("+8613800138000", "+8613800138000"),
        ("+1 (415) 555-0123", "+14155550123"),
        ("+86 138 0013 8000", "+8613800138000"),
    ],
)
def test_a_phone_number_is_kept_in_e164(text: str, phone: str) -> None:
    assert parse_phone(text) == phone


@pytest.mark.parametrize(
    "text", ["13800138000", "+", "+86", "+8611111111111", "+999123456789", "abc", "+86\x0013800138000"]
)
def test_what_is_no_number_of_any_country_is_refused(text: str) -> None:
    with pytest.raises(Fault) as refusal:
        parse_phone(text, field="member.phone")
    assert (refusal.value.reason, refusal.value.violations[0].field) == ("PHONE_INVALID", "member.phone")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("+39 06 6982", "+39066982"),  # a zero that belongs to the number
        ("+4407911123456", "+447911123456"),  # and one that is only dialled
        ("+14155550123", "+14155550123"),  # a code that many countries share
        ("+80012345678", "+80012345678"),  # of no country
    ],
)
def test_what_the_short_way_does_not_know_goes_the_long_one(text: str, kept: str) -> None:
    assert parse_phone(text) == kept


def by_the_library(text: str) -> str | None:
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def ours(text: str) -> str | None:
    try:
        return parse_phone(text)
    except Fault:
        return None


EXAMPLES = [
    phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
    if (example := phonenumbers.example_number_for_type(region, kind)) is not None
]


@settings(max_examples=500)
@given(
    example=st.sampled_from(EXAMPLES),
    changes=st.lists(st.tuples(st.integers(1, 15), st.sampled_from("0123456789")), max_size=6),
    more=st.text("0123456789", max_size=2),
)
def test_the_short_way_ends_where_the_long_one_does(example: str, changes: list[tuple[int, str]], more: str) -> None:
    digits = list(example + more)
    for place, digit in changes:
        digits[min(place, len(digits) - 1)] = digit
    text = "".join(digits)
    assert ours(text) == by_the_library(text)


def test_the_numbers_of_most_members_take_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(phonenumbers, "parse")
    for text in ("+8613800138000", "+861062551234", "+33612345678", "+491701234567"):
        assert phone.parse_phone(text) == text
