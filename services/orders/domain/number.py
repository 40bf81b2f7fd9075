"""Order numbers: a counter, and a check digit that catches a single wrong digit and a swap of two neighbours."""

from __future__ import annotations

# Damm's quasigroup of order 10 (H. Michael Damm, 2004).
_DAMM = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)

_FEWEST, _MOST = 9, 19


def number_of(counter: int) -> str:
    """The number of the order with this counter, for example `00000042-7`."""
    digits = f"{counter:08d}"
    return f"{digits}-{_check_digit(digits)}"


def counter_of(number: str) -> int | None:
    """The counter of an order's number, however it is spaced; None if its check digit is wrong."""
    digits = "".join(number.replace("-", "").split())
    if len(digits) < _FEWEST or len(digits) > _MOST or not (digits.isascii() and digits.isdigit()):
        return None
    return int(digits[:-1]) if not _check_digit(digits) else None


def _check_digit(digits: str) -> int:
    interim = 0
    for digit in digits:
        interim = int(_DAMM[interim][int(digit)])
    return interim
