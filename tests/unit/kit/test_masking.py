"""Masks: enough to recognise a person by, too little to know them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import masking
from kit.errors import Fault
from services.members.domain.member import Identity, Profile
from tests.support.builders.members import profile


@pytest.mark.parametrize(
    ("mask", "value", "shown"),
    [
        (masking.mask_phone, "+8613800138000", "+86138****8000"),
        (masking.mask_phone, "+12025550123", "+120****0123"),
        (masking.mask_phone, "+4512345678", "+45****78"),
        (masking.mask_phone, "", ""),
        (masking.mask_email, "w@x.com", "w***@x.com"),
        (masking.mask_email, "wang@x.com", "w***@x.com"),
        (masking.mask_email, "", ""),
        (masking.mask_name, "王芳", "王*"),
        (masking.mask_name, "Wang Fang", "W***"),
        (masking.mask_name, "王", "王*"),
        (masking.mask_name, "", ""),
        (masking.mask_number, "6210000000004711", "****4711"),
        (masking.mask_number, "C-1", "****"),
        (masking.mask_number, "", ""),
        (masking.mask_birthday, "1990-02-28", "1990-00-00"),
        (masking.mask_birthday, "", ""),
    ],
)
def test_a_mask_shows_little(mask: object, value: str, shown: str) -> None:
    assert callable(mask)
    assert mask(value) == shown


@given(st.from_regex(r"\+[1-9][0-9]{7,14}", fullmatch=True))
def test_four_digits_of_a_phone_are_always_hidden(phone: str) -> None:
    shown = masking.mask_phone(phone)
    assert "****" in shown
    assert len(shown.replace("****", "")) <= len(phone) - 4


def test_every_personal_field_of_a_profile_is_masked() -> None:
    known = profile(
        phone="+8613800138000",
        email="fang@example.com",
        card_number="6210000000004711",
        birthday="1990-02-28",
        identities=(Identity("wechat", "oX5f-unionid-9"),),
        home_store="stores/1",
        org="/cn",
    )
    masked = known.masked()
    same = {name for name in Profile.__slots__ if getattr(known, name) == getattr(masked, name)}
    assert same == {"home_store", "org"}


@pytest.mark.parametrize("field", ["display_name", "phone", "email", "card_number", "identities"])
def test_a_mask_is_not_taken_for_a_value(field: str) -> None:
    known = profile(
        phone="+8613800138000",
        email="fang@example.com",
        card_number="6210000000004711",
        identities=(Identity("wechat", "oX5f-unionid-9"),),
    )
    with pytest.raises(Fault) as refusal:
        known.masked().check_unmasked([field], known)
    assert refusal.value.reason == "FIELD_MASKED"
    known.check_unmasked([field], known)
    # A value that looks the same shown and hidden is a value.
    short = replace(known, email="w***@x.com")
    short.check_unmasked(["email"], short)
