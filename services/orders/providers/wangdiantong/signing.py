"""How calls of 旺店通's open API are signed: MD5 over all parameters and the body, between the secret twice."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

EPOCH = 1_325_347_200
"""Its timestamps count seconds from 2012, Beijing time."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the open API: the seller's `sid`, the application's `key`, and its secret of two parts."""

    sid: str
    key: str
    secret: str = field(repr=False)
    salt: str = field(repr=False)


def sign(parameters: Mapping[str, str], body: str, secret: str) -> str:
    """The signature of a call."""
    signed = {**parameters, "body": body}
    text = "".join(f"{name}{signed[name]}" for name in sorted(signed) if name != "sign")
    return hashlib.md5(f"{secret}{text}{secret}".encode(), usedforsecurity=False).hexdigest()
