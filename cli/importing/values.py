"""Exact values out of text: numbers, instants, words. No float, anywhere."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cli.importing.mapping import NumberRules, TimeRules

_LONGEST_NUMBER = 40
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNDIVIDED = re.compile("%[a-zA-Z]%")


class Refused(Exception):
    """A value that a row can't have. `reason` is for programs, the message for people."""

    def __init__(self, column: str, reason: str, message: str) -> None:
        super().__init__(message)
        self.column = column
        self.reason = reason


class Number(NamedTuple):
    """An exact decimal: `digits / 10**places`."""

    digits: int
    places: int

    def scaled(self, exponent: int) -> tuple[int, int]:
        """As a whole number of 10**-exponent, and what is left of 10**(places - exponent) after it."""
        if self.places <= exponent:
            return int(self.digits * 10 ** (exponent - self.places)), 0
        whole, rest = divmod(self.digits, 10 ** (self.places - exponent))
        return whole, rest


class Numbers:
    """Reads numbers as a source writes them."""

    def __init__(self, rules: NumberRules) -> None:
        group, point = re.escape(rules.thousands), re.escape(rules.decimal)
        # Thousands separators stand where they belong, or nowhere: "1,2345.00" is a slip, not a number.
        whole = rf"\d{{1,3}}(?:{group}\d{{3}})+|\d+" if group else r"\d+"
        self._number = re.compile(rf"([+-]?)({whole})?(?:{point}(\d*))?", re.ASCII)
        self._thousands = rules.thousands
        self._signs = sorted(rules.signs, key=len, reverse=True)
        self.read = lru_cache(maxsize=65536)(self._read)
        """The number in a text, or None."""

    def _read(self, text: str) -> Number | None:
        if len(text) > _LONGEST_NUMBER:
            return None
        bare = self._without_sign(text.strip())
        negative = bare.startswith("(") and bare.endswith(")")
        match = self._number.fullmatch(bare[1:-1] if negative else bare)
        if match is None:
            return None
        sign, whole, part = match.groups()
        part = (part or "").rstrip("0")
        if not whole and not match.group(3):
            return None
        if self._thousands:
            whole = (whole or "").replace(self._thousands, "")
        digits = int((whole or "0") + part)
        return Number(-digits if negative or sign == "-" else digits, len(part))

    def _without_sign(self, text: str) -> str:
        """Take the currency's sign away, wherever it stands: "$5", "-$5", "5 €", "($5)"."""
        for sign in self._signs:
            if sign in text:
                before, _, after = text.partition(sign)
                return (before.strip() + after.strip()) if not before.strip("+-( ") or not after.strip(") ") else text
        return text


class Instants:
    """Reads dates and times as a source writes them."""

    def __init__(self, rules: TimeRules) -> None:
        self._formats = rules.formats
        self._zone = ZoneInfo(rules.zone)
        self.read = lru_cache(maxsize=65536)(self._read)
        """The microseconds since 1970 (UTC) of a text, or None."""

    def _read(self, text: str) -> int | None:
        for form in self._formats:
            moment = _parsed(text, form)
            if moment is not None:
                aware = moment if moment.tzinfo else moment.replace(tzinfo=self._zone)
                return _micros(aware)
        return None


def _micros(moment: datetime) -> int | None:
    try:
        since = moment.astimezone(UTC) - _EPOCH
    except OverflowError:
        return None
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _parsed(text: str, form: str) -> datetime | None:
    try:
        if form == "iso":
            return datetime.fromisoformat(text)
        moment = datetime.strptime(text, form)  # noqa: DTZ007 - the zone is the mapping's
        # Between digits that nothing divides, strptime guesses: it reads 1997011 as the 1st of January.
        if _UNDIVIDED.search(form) and moment.strftime(form) != text:
            return None
    except ValueError:
        return None
    return moment


def words(text: str) -> str:
    """A text for people: on one line, without control characters."""
    if text.isprintable():
        return " ".join(text.split())
    return " ".join("".join(" " if unicodedata.category(letter) == "Cc" else letter for letter in text).split())
