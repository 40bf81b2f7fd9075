"""An OIDC issuer: whose tokens count beside our own, and what their claims mean to us."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import jwt

from kit import errors
from kit.errors import Fault, Kind
from kit.rpc.call import Identity
from kit.rpc.keys import RemoteKeys
from kit.rpc.policy import SCOPE_AS_ROLE
from kit.settings import Settings

_SCOPE = re.compile(r"[a-z_]+(\.[a-z_]+)+")
_PATH = re.compile(r"(/[^/\s]+)*")
# What the services alone may be, by tokens that they sign themselves.
_RESERVED_ROLE = "service"
_RESERVED_SUBJECT = "service:"


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer, and the names of the claims that we look at. An empty name: there is no such claim."""

    name: str
    audiences: Sequence[str]
    keys: RemoteKeys
    roles_claim: str
    scopes_claim: str
    org_claim: str

    @classmethod
    def of(cls, settings: Settings, *, forgotten: Callable[[], None]) -> Self:
        """The issuer that the settings name. It says so when it has `forgotten` a key."""
        keys = RemoteKeys(
            settings.jwks_uri, ca_file=settings.jwks_ca_file, seconds=settings.jwks_seconds, changed=forgotten
        )
        audiences = [each.strip() for each in settings.token_audiences.split(",") if each.strip()]
        claims = (settings.token_roles_claim, settings.token_scopes_claim, settings.token_org_claim)
        return cls(settings.token_issuer, audiences, keys, *claims)

    def key(self, key_id: str) -> jwt.PyJWK:
        """The key of that id. A Fault if it isn't known; one that says `try again` while the keys are asked for."""
        key = self.keys.keys.get(key_id)
        if key is not None:
            return key
        if self.keys.want():
            raise errors.unavailable("the issuer of the token")
        raise unauthenticated("the token is signed with an unknown key")

    def identity(self, claims: dict[str, Any]) -> Identity:
        """Who the verified claims speak of. Raises a Fault when they can't be understood."""
        subject = str(claims["sub"])
        if subject.startswith(_RESERVED_SUBJECT):
            raise unauthenticated("the token's subject is one that only services may have")
        roles = [role for role in self._words(claims, self.roles_claim) if role != _RESERVED_ROLE and ":" not in role]
        scopes = [scope for scope in self._words(claims, self.scopes_claim) if _SCOPE.fullmatch(scope)]
        org = path_of(_claim(claims, self.org_claim)) if self.org_claim else ""
        granted = (*roles, *(f"{SCOPE_AS_ROLE}{scope}" for scope in scopes))
        return Identity(subject, granted, org, float(claims["exp"]))

    def _words(self, claims: dict[str, Any], name: str) -> list[str]:
        found = _claim(claims, name) if name else None
        words = found.split() if isinstance(found, str) else found or []
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise unauthenticated(f"the token's {name} is not a list of names")
        return words


def path_of(org: object) -> str:
    """The part of the organisation that a claim names, without a slash at its end; the whole of it is empty."""
    path = org.rstrip("/") if isinstance(org, str) else None
    if path is None or not _PATH.fullmatch(path):
        raise unauthenticated("the token's part of the organisation is no path such as /cn/east")
    return path


def unauthenticated(why: str) -> Fault:
    """The call proves no identity."""
    return Fault(Kind.UNAUTHENTICATED, "UNAUTHENTICATED", why)


def _claim(claims: dict[str, Any], name: str) -> Any:
    """A claim by its name or, where there is none of that name, by the path to it: `realm_access.roles`."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
