"""Phone numbers in international form."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=65536)
def international(number: str, region: str | None) -> str:
    """The number in E.164, read as of the region unless it begins with a plus; empty when it can't be one."""
    import phonenumbers  # noqa: PLC0415 - large, and most sources have no phone numbers

    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(parsed):
        return ""
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
