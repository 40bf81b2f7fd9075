"""Where something is sent, and the areas that a merchant divides the world into. An address is personal: it is never
shown by a `repr`, and stored only sealed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from uuid import UUID

from kit.masking import mask_name, mask_phone

_STARS = "****"
_MOBILE = 11


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address. `country` is a code of ISO 3166-1 alpha-2; `province`, `city` and `district` are the parts of
    the region from the largest to the smallest, as far as the country has them."""

    country: str
    province: str = field(default="", repr=False)
    city: str = field(default="", repr=False)
    district: str = field(default="", repr=False)
    street: str = field(default="", repr=False)
    postal_code: str = field(default="", repr=False)
    recipient: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)

    @property
    def region(self) -> tuple[str, str, str]:
        """The parts of the region, the largest first."""
        return self.province, self.city, self.district

    def masked(self) -> Address:
        """What those see who must recognise an address and need not find it: no street, the first letter of the name,
        country, carrier and last digits of the phone, the first half of the postal code."""
        return replace(
            self,
            street=self.street and _STARS,
            postal_code=_half(self.postal_code),
            recipient=mask_name(self.recipient),
            phone=mask_phone(self.phone),
        )


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the world: a whole country, or in it whatever lies in one of the `regions` or has a postal code that
    begins with one of `postal_codes`.

    A region is told as `province`, `province/city` or `province/city/district`; each part may be the beginning of a
    name, so that `广东/深圳` has `广东省/深圳市`. Capitals don't matter.
    """

    country: str
    regions: tuple[str, ...] = ()
    postal_codes: tuple[str, ...] = ()

    def fit(self, address: Address) -> tuple[int, int, int] | None:
        """How closely the area describes the address: the greater, the closer, and postal codes before regions. None if
        the address lies outside."""
        if address.country != self.country:
            return None
        if not self.regions and not self.postal_codes:
            return 0, 0, 0
        code = _plain(address.postal_code)
        fits = [(len(each), 0, 0) for each in map(_plain, self.postal_codes) if code.startswith(each)]
        for region in self.regions:
            parts = region.split("/")
            if _within(address.region, parts):
                fits.append((0, len(parts), len(region)))
        return max(fits, default=None)


def dialled(phone: str) -> str:
    """The digits of a phone number in the form in which equal numbers are equal: without spaces and dashes, and without
    China's own prefix; empty if it has no digits."""
    digits = "".join(letter for letter in phone if letter.isascii() and letter.isdigit())
    digits = digits.removeprefix("00")
    return digits[2:] if len(digits) == _MOBILE + 2 and digits.startswith("861") else digits


def _within(region: tuple[str, ...], parts: list[str]) -> bool:
    return all(
        name.casefold().startswith(part.strip().casefold()) for name, part in zip(region, parts, strict=False)
    ) and len(parts) <= len(region)


def _plain(code: str) -> str:
    return "".join(letter for letter in code.casefold() if letter.isalnum())


def _half(code: str) -> str:
    return code[: len(code) // 2] + "*" * (len(code) - len(code) // 2)


@dataclass(frozen=True, slots=True)
class SealedAddress:
    """An address that only whoever has the keyring can open. It is sealed for its `owner`, an id of its own, with a key
    of its own, which is wrapped by the master key `key_id`. `phone` is a keyed hash of its phone number (empty without
    one), by which it is found."""

    owner: UUID
    key_id: str
    wrapped: bytes = field(repr=False)
    sealed: bytes = field(repr=False)
    phone: str = field(default="", repr=False)
