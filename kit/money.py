"""Money as integers of a currency's minor unit (ISO 4217), and its fair division. No float, anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kit.errors import Fault, invalid

# ISO 4217, list one as of 2026, by decimals: what people pay with. Funds, metals and codes for tests are left out.
_CODES = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK
DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD
KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP
PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH
USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG""",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
# Ended since 2010 (list three). History that is imported was paid with them.
_ENDED = {0: "BYR", 2: "ANG BGN CUC EEK HRK LTL LVL MRO SLL STD VEF ZMK ZWL"}
_EXPONENTS = {
    currency: decimals for codes in (_CODES, _ENDED) for decimals, text in codes.items() for currency in text.split()
}
_NANOS = 1_000_000_000
# Of each currency: minor units of one unit, and nanos of a minor unit. An answer has dozens of amounts.
_SCALES = {currency: (10**decimals, _NANOS // 10**decimals) for currency, decimals in _EXPONENTS.items()}
# Of codes that were stored before unknown ones were refused.
_USUAL = (100, _NANOS // 100)
LIMIT = 10**15
"""No single amount reaches this many minor units, so that sums of thousands still fit an int64."""


def exponent(currency: str) -> int:
    """How many decimals the currency has: JPY 0, CNY 2, KWD 3."""
    return _EXPONENTS.get(currency, 2)


def is_currency(code: str) -> bool:
    """Whether this is the code of a currency that people pay with, or paid with since 2010 (ISO 4217)."""
    return code in _EXPONENTS


def currency_of(code: str, *, field: str = "currency_code") -> str:
    """Read a currency. Raises a Fault on `field` unless `is_currency`."""
    if code not in _EXPONENTS:
        raise invalid(field, "must be the code of a currency (ISO 4217), three letters in capitals")
    return code


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in minor units of one currency, for example `Money(1177, "USD")` for 11.77 USD."""

    minor: int
    currency: str

    @classmethod
    def from_wire(cls, units: int, nanos: int, currency: str, *, field: str = "amount") -> Money:
        """Read `google.type.Money`. Raises a Fault on `field` unless it is whole minor units of a known currency."""
        currency_of(currency, field=f"{field}.currency_code")
        if abs(nanos) >= _NANOS or (units > 0 > nanos) or (units < 0 < nanos):
            raise invalid(f"{field}.nanos", "must be of the sign of units and below one unit")
        scale = 10 ** exponent(currency)
        part, rest = divmod(abs(nanos) * scale, _NANOS)
        if rest:
            raise invalid(f"{field}.nanos", f"must be a whole number of minor units of {currency}")
        minor = units * scale + (part if nanos >= 0 else -part)
        if abs(minor) >= LIMIT:
            raise invalid(field, f"must be less than {LIMIT // scale} {currency}")
        return cls(minor, currency)

    def to_wire(self) -> tuple[int, int]:
        """Units and nanos of `google.type.Money`; both carry the sign."""
        scale, nanos = _SCALES.get(self.currency, _USUAL)
        if self.minor >= 0:
            units, minor = divmod(self.minor, scale)
            return units, minor * nanos
        units, minor = divmod(-self.minor, scale)
        return -units, -minor * nanos

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other).minor, self.currency)

    def __mul__(self, count: int) -> Money:
        return Money(self.minor * count, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other).minor

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other).minor

    def __gt__(self, other: Money) -> bool:
        return self.minor > self._same(other).minor

    def __ge__(self, other: Money) -> bool:
        return self.minor >= self._same(other).minor

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        digits = exponent(self.currency)
        sign = "-" if self.minor < 0 else ""
        whole, part = divmod(abs(self.minor), 10**digits)
        return f"{sign}{whole}.{part:0{digits}d} {self.currency}" if digits else f"{sign}{whole} {self.currency}"

    def _same(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise currency_mismatch(self.currency, other.currency)
        return other


def currency_mismatch(expected: str, seen: str) -> Fault:
    """Amounts of two currencies met where one was expected."""
    return invalid("currency_code", f"must be {expected}, not {seen}")


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Divide `total` minor units over the weights so that the shares sum to it exactly.

    Largest remainder (Hamilton's method): each share is its quota rounded down, and the units left go one by one
    to the largest remainders, ties to the earlier position. Weights are not negative; when all are zero the
    units are spread evenly from the first position on. A negative total gives the negated shares.
    """
    if total < 0:
        return [-share for share in allocate(-total, weights)]
    if not weights:
        return []
    weight = sum(weights)
    if weight == 0:
        return allocate(total, [1] * len(weights))
    shares, remainders = [], []
    for position, part in enumerate(weights):
        share, remainder = divmod(total * part, weight)
        shares.append(share)
        remainders.append((-remainder, position))
    for _, position in sorted(remainders)[: total - sum(shares)]:
        shares[position] += 1
    return shares
