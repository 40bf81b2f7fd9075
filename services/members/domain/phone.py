"""Phone numbers, in the one form in which they are kept: E.164."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata
from phonenumbers.phonemetadata import PhoneNumberDesc

from services.members.domain import errors

_E164 = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch
_LONGEST_CODE = 3


def parse_phone(text: str, *, field: str = "phone") -> str:
    """The number in E.164 form. Raises a Fault unless it is valid in its country's numbering plan."""
    if _E164(text) and _is_plain(text):
        return text
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        raise errors.phone_invalid(field) from None
    if not phonenumbers.is_valid_number(number):
        raise errors.phone_invalid(field)
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


class _Plan(NamedTuple):
    """What is usual in the numbering plan of a country: each kind of number by its lengths and its digits."""

    any: Callable[[str], object]
    dialled: Callable[[str], object]
    """Whether digits begin with what is dialled before a number, and is no part of it."""
    kinds: tuple[tuple[frozenset[int], Callable[[str], object]], ...]


def _is_plain(text: str) -> bool:
    """Whether a text in E.164 form is a valid mobile or fixed number that stays as it is.

    Imports bring millions of them, and the library takes seven times as long. It is asked about all others.
    """
    for end in range(2, 2 + _LONGEST_CODE):
        code = int(text[1:end])
        if code in COUNTRY_CODE_TO_REGION_CODE:
            plan, national = _plan(code), text[end:]
            return (
                plan is not None
                and national[0] != "0"  # of Italy, say
                and not plan.dialled(national)
                and any(len(national) in lengths and matches(national) for lengths, matches in plan.kinds)
                and plan.any(national) is not None
            )
    return False


@lru_cache(maxsize=256)
def _plan(code: int) -> _Plan | None:
    """The plan behind a calling code; None where several countries share the code."""
    regions = COUNTRY_CODE_TO_REGION_CODE[code]
    known = PhoneMetadata.metadata_for_region(regions[0], None) if len(regions) == 1 else None
    if known is None or known.general_desc is None:
        return None
    kinds = (known.fixed_line, None if known.same_mobile_and_fixed_line_pattern else known.mobile)
    return _Plan(
        re.compile(known.general_desc.national_number_pattern or "").fullmatch,
        re.compile(known.national_prefix_for_parsing or "(?!)").match,
        tuple(
            (_lengths(kind, known.general_desc), re.compile(kind.national_number_pattern).fullmatch)
            for kind in kinds
            if kind is not None and kind.national_number_pattern
        ),
    )


def _lengths(kind: PhoneNumberDesc, general: PhoneNumberDesc) -> frozenset[int]:
    return frozenset(kind.possible_length or general.possible_length)
