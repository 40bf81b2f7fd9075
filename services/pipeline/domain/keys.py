"""Keys by which the same person or organisation is known again, however it was written."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

import phonenumbers

from kit.errors import invalid

_LEGAL_WORD = re.compile(
    r"ab|ag|as|bv|co|company|corp|corporation|gmbh|inc|incorporated|kg|kk|limited|llc|llp|ltd|nv|oyj?|plc|pte|pty|sa"
    r"|sarl|spa|srl"
)
_LEGAL_ENDINGS = ("股份有限公司", "有限责任公司", "有限公司", "股份公司", "公司")
# Of a name, only letters, digits and the marks that belong to letters tell one organisation from another.
_KEPT = ("L", "M", "N")
_LENGTH = 200  # characters; normalising may lengthen a name beyond what an index takes


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """A normalised value and its kind: `phone`, `email` or `company`."""

    kind: str
    value: str = field(repr=False)


def e164(raw: str, *, region: str, field: str) -> str:
    """A telephone number as E.164; nothing stays nothing. Raises a Fault on `field` for what can't be one."""
    if not raw.strip():
        return ""
    try:
        number = phonenumbers.parse(raw, region)
    except phonenumbers.NumberParseException:
        raise invalid(field, "must be a telephone number") from None
    if not phonenumbers.is_possible_number(number):
        raise invalid(field, "must be a telephone number of a possible length")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def mailbox(raw: str) -> str:
    """An e-mail address in lower case."""
    return raw.strip().lower()


def company(name: str) -> str:
    """What is left of an organisation's name without width, case, punctuation and legal form; may be nothing."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    words = _words(re.sub(r"[.'’]", "", folded))
    while len(words) > 1 and _LEGAL_WORD.fullmatch(words[-1]):
        words.pop()
    joined = "".join(words)
    ending = next((each for each in _LEGAL_ENDINGS if joined.endswith(each)), "")
    return (joined.removesuffix(ending) or joined)[:_LENGTH]


def _words(text: str) -> list[str]:
    kept = (character if unicodedata.category(character)[0] in _KEPT else " " for character in text)
    return "".join(kept).split()
