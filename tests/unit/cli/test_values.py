"""Numbers, dates and words out of text."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.importing.mapping import NumberRules, TimeRules
from cli.importing.values import Instants, Number, Numbers, words

PLAIN = Numbers(NumberRules())
ENGLISH = Numbers(NumberRules(thousands=",", signs=("$", "US$", "£")))
GERMAN = Numbers(NumberRules(decimal=",", thousands=".", signs=("€",)))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("11.77", Number(1177, 2)),
        ("12.00", Number(12, 0)),
        ("0", Number(0, 0)),
        (".5", Number(5, 1)),
        ("5.", Number(5, 0)),
        ("+3", Number(3, 0)),
        ("-0.001", Number(-1, 3)),
        ("99999999999999999999.99", Number(9999999999999999999999, 2)),
    ],
)
def test_a_plain_number_is_read_exactly(text: str, number: Number) -> None:
    assert PLAIN.read(text) == number


@pytest.mark.parametrize("text", ["", ".", "-", "1e3", "NaN", "inf", "1,000", "0x10", "1 000", "١٢", "1_000", "1" * 41])
def test_what_is_no_plain_number_is_none(text: str) -> None:
    assert PLAIN.read(text) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("$1,234.50", Number(12345, 1)),
        ("US$ 5", Number(5, 0)),
        ("-$5", Number(-5, 0)),
        ("5 £", Number(5, 0)),
        ("($12.30)", Number(-123, 1)),
        ("1234567", Number(1234567, 0)),
    ],
)
def test_signs_and_thousands_are_read_where_the_mapping_allows_them(text: str, number: Number) -> None:
    assert ENGLISH.read(text) == number


@pytest.mark.parametrize("text", ["1,23", "12,34,567", "1,2345.00", ",123", "5$6", "$", "(5", "1,234,"])
def test_a_separator_out_of_place_is_a_slip_and_no_number(text: str) -> None:
    assert ENGLISH.read(text) is None


def test_a_comma_can_be_the_decimal_point() -> None:
    assert GERMAN.read("1.234,56 €") == Number(123456, 2)
    assert GERMAN.read("1,5") == Number(15, 1)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12))
def test_every_decimal_is_read_as_itself(value: Decimal) -> None:
    number = PLAIN.read(f"{value:f}")
    assert number is not None
    assert Decimal(number.digits).scaleb(-number.places) == value


@given(st.text(max_size=50))
def test_no_text_makes_reading_numbers_fail(text: str) -> None:
    for numbers in (PLAIN, ENGLISH, GERMAN):
        numbers.read(text)


def micros(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1_000_000  # type: ignore[arg-type, misc]


def test_dates_are_read_in_the_declared_zone() -> None:
    instants = Instants(TimeRules(formats=("%m/%d/%Y %H:%M",), zone="Europe/London"))
    assert instants.read("5/12/2011 8:26") == micros(2011, 5, 12, 7, 26)
    assert instants.read("12/1/2010 8:26") == micros(2010, 12, 1, 8, 26)


def test_an_iso_date_may_bring_its_own_zone() -> None:
    instants = Instants(TimeRules(formats=("iso",), zone="Asia/Shanghai"))
    assert instants.read("2024-05-01T08:00:00+00:00") == micros(2024, 5, 1, 8)
    assert instants.read("2024-05-01 08:00:00") == micros(2024, 5, 1)
    assert instants.read("2024-05-01") == micros(2024, 4, 30, 16)


@pytest.mark.parametrize("text", ["1997011", "199701", "19970132", "19971301", "", "today", "19970101x", " 19970101"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert Instants(TimeRules(formats=("%Y%m%d",))).read(text) is None


def test_the_formats_are_tried_one_after_the_other() -> None:
    instants = Instants(TimeRules(formats=("%Y-%m-%d", "%d.%m.%Y")))
    assert instants.read("2024-01-31") == instants.read("31.01.2024") == micros(2024, 1, 31)


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31T23:59:59-12:00"])
def test_dates_at_the_ends_of_the_calendar_do_no_harm(text: str) -> None:
    for zone in ("UTC", "Asia/Shanghai", "America/New_York"):
        Instants(TimeRules(formats=("iso",), zone=zone)).read(text)


def test_words_are_put_on_one_line_without_control_characters() -> None:
    assert words("  WHITE\tHANGING \x00 HEART\r\n") == "WHITE HANGING HEART"
    assert words("白色　心形") == "白色 心形"
