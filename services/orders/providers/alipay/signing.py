"""How Alipay proves who speaks: RSA2 (RSA, SHA-256) over sorted parameters, or over the raw bytes of an answer."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from services.orders.providers.keys import SigningKey, VerifyingKeys

_UNSIGNED = frozenset({"sign", "sign_type"})
_SPACE = " \t\r\n"
_MOST_PARAMETERS = 200


class NotProven(ValueError):
    """Alipay did not say this. Says why."""


@dataclass(frozen=True, slots=True)
class Signatures:
    """The two sides of one app."""

    key: SigningKey
    platform: VerifyingKeys

    def signed(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """The parameters of a request with their signature; empty ones are left out."""
        sent = {name: value for name, value in parameters.items() if value}
        signature = base64.b64encode(self.key.sign(_canonical(sent))).decode()
        return {**sent, "sign": signature}

    def check(self, text: bytes, signature: str) -> None:
        """Check that Alipay signed the text. Raises NotProven."""
        if not self.platform.any_verifies(text, _decoded(signature)):
            raise NotProven("the signature is not of a known key")

    def form(self, body: bytes) -> dict[str, str]:
        """The parameters of a notice whose signature holds. Raises NotProven."""
        try:
            pairs = parse_qsl(
                body.decode("ascii"),
                keep_blank_values=True,
                strict_parsing=True,
                errors="strict",
                max_num_fields=_MOST_PARAMETERS,
            )
        except ValueError:
            raise NotProven("the body is no form in UTF-8") from None
        parameters = dict(pairs)
        if len(parameters) != len(pairs):
            raise NotProven("a parameter comes twice")
        if parameters.get("sign_type") != "RSA2":
            raise NotProven("it is not signed by RSA2")
        text = _canonical({name: value for name, value in parameters.items() if name not in _UNSIGNED})
        self.check(text, parameters.get("sign", ""))
        return parameters


def raw_members(text: str) -> dict[str, str]:
    """The members of a JSON object, each as the text that it is written as: that is what is signed.

    Raises ValueError unless it is one object whose names are unique.
    """
    decoder = json.JSONDecoder()
    members: dict[str, str] = {}
    position = _expect(text, _skip(text, 0), "{")
    while True:
        position = _skip(text, position)
        _expect(text, position, '"')
        name, position = decoder.raw_decode(text, position)
        start = _skip(text, _expect(text, _skip(text, position), ":"))
        _, position = decoder.raw_decode(text, start)
        if name in members:
            raise ValueError("a name comes twice")
        members[name] = text[start:position]
        position = _skip(text, position)
        if text[position : position + 1] == ",":
            position += 1
            continue
        if _skip(text, _expect(text, position, "}")) != len(text):
            raise ValueError("more than one object")
        return members


def _canonical(parameters: Mapping[str, str]) -> bytes:
    return "&".join(f"{name}={parameters[name]}" for name in sorted(parameters)).encode()


def _decoded(text: str) -> bytes:
    """Base64 in the one form that it is made in: no second spelling of the same bytes."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise NotProven("the signature is not Base64") from None
    if not data or base64.b64encode(data).decode() != text:
        raise NotProven("the signature is not Base64")
    return data


def _skip(text: str, position: int) -> int:
    while text[position : position + 1] and text[position] in _SPACE:
        position += 1
    return position


def _expect(text: str, position: int, letter: str) -> int:
    if text[position : position + 1] != letter:
        raise ValueError(f"expected {letter} at {position}")
    return position + 1
