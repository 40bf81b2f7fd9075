"""Keys by which people and organisations are known again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from services.pipeline.domain import keys


@pytest.mark.parametrize(
    ("raw", "region", "normalised"),
    [
        ("138 0013 8000", "CN", "+8613800138000"),
        ("+86 138-0013-8000", "DE", "+8613800138000"),
        ("0086 13800138000", "CN", "+8613800138000"),
        ("１３８００１３８０００", "CN", "+8613800138000"),
        ("(030) 901820", "DE", "+4930901820"),
        ("  ", "CN", ""),
    ],
)
def test_a_number_is_the_same_however_it_is_written(raw: str, region: str, normalised: str) -> None:
    assert keys.e164(raw, region=region, field="phone") == normalised


@pytest.mark.parametrize("raw", ["call me", "12", "+86 1", "+999 123456789", "1" * 40])
def test_what_is_no_number_is_refused_without_being_repeated(raw: str) -> None:
    with pytest.raises(Fault) as caught:
        keys.e164(raw, region="CN", field="lead.phone")
    assert caught.value.violations[0].field == "lead.phone"
    assert raw not in caught.value.message


def test_a_mailbox_has_no_case() -> None:
    assert keys.mailbox(" Fang@Example.COM ") == "fang@example.com"


@pytest.mark.parametrize(
    "written",
    [
        "Blue Door Cafés Ltd.",
        "BLUE DOOR CAFÉS, LTD",
        "Ｂｌｕｅ Ｄｏｏｒ Cafés",
        "Blue-Door Cafe\u0301s Co., Ltd.",
        "blue door cafés",
    ],
)
def test_an_organisation_is_the_same_however_its_name_is_written(written: str) -> None:
    assert keys.company(written) == "bluedoorcafés"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("北京蓝门咖啡有限公司", "北京蓝门咖啡"),
        ("北京蓝门咖啡股份有限公司", "北京蓝门咖啡"),
        ("北京蓝门（咖啡）有限责任公司", "北京蓝门咖啡"),
        ("有限公司", "有限公司"),
        ("Limited", "limited"),
        ("S.A.", "sa"),
        ("Société Anonyme S.A.", "sociétéanonyme"),
        ("हिन्दी", "हिन्दी"),
        ("!!!", ""),
        ("", ""),
    ],
)
def test_the_legal_form_goes_and_the_name_stays(name: str, key: str) -> None:
    assert keys.company(name) == key


@given(st.text(max_size=200))
def test_a_key_is_its_own_key_and_fits_an_index(name: str) -> None:
    key = keys.company(name)
    assert len(key) <= 200
    assert "\0" not in key


def test_a_name_that_grows_by_normalising_is_cut() -> None:
    assert len(keys.company("\ufdfa" * 200)) == 200
