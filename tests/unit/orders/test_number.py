"""Order numbers can be read out on the telephone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.orders.domain.number import number_of

COUNTERS = st.integers(1, 10**10)


def check_digit_fits(number: str) -> bool:
    return number_of(int(number.partition("-")[0])) == number


def test_a_number_is_the_counter_and_a_check_digit() -> None:
    assert number_of(42) == "00000042-7"
    assert number_of(123456789) == "123456789-4"


@given(COUNTERS, st.data())
def test_one_wrong_digit_is_noticed(counter: int, data: st.DataObject) -> None:
    digits, _, check = number_of(counter).partition("-")
    position = data.draw(st.integers(0, len(digits) - 1))
    wrong = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != digits[position]]))
    assert not check_digit_fits(f"{digits[:position]}{wrong}{digits[position + 1 :]}-{check}")


@given(COUNTERS, st.data())
def test_two_swapped_digits_are_noticed(counter: int, data: st.DataObject) -> None:
    digits, _, check = number_of(counter).partition("-")
    at = data.draw(st.integers(0, len(digits) - 2))
    swapped = digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]
    assert swapped == digits or not check_digit_fits(f"{swapped}-{check}")
