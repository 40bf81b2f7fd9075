"""What those see of personal data who must recognise a person and need not know more."""

from __future__ import annotations

_STARS = "****"
_FEW = 8


def mask_name(name: str) -> str:
    """The first letter: `王芳` is shown as `王*`, `Wang Fang` as `W***`."""
    return name and name[0] + "*" * min(3, max(1, len(name) - 1))


def mask_phone(phone: str) -> str:
    """Country, carrier and the last digits: `+8613800138000` is shown as `+86138****8000`."""
    if len(phone) <= _FEW + 3:
        return phone and phone[:3] + _STARS + phone[-2:]
    return phone[:-_FEW] + _STARS + phone[-4:]


def mask_email(email: str) -> str:
    """The first letter and the domain: `wang@x.com` is shown as `w***@x.com`."""
    name, _, domain = email.rpartition("@")
    return email and f"{name[:1]}***@{domain}"


def mask_number(number: str) -> str:
    """The last four characters of a long number, such as a card's or an id in another system."""
    return number and _STARS + (number[-4:] if len(number) > _FEW else "")


def mask_birthday(birthday: str) -> str:
    """The year."""
    return birthday and f"{birthday[:4]}-00-00"
