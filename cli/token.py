"""`kehu token`: a development token."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from typing import Annotated

import typer

from deploy.local import options, tokens
from deploy.local.keys import Keys
from deploy.local.problem import explained
from kit.rpc.policy import ROLES, SCOPE_AS_ROLE

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def duration(text: str) -> timedelta:
    """Read `90s`, `15m`, `12h` or `7d`."""
    match = re.fullmatch(r"([1-9]\d{0,5})([smhd])", text)
    if match is None:
        raise typer.BadParameter("a whole number and one of s, m, h, d, for example 12h")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def known(roles: list[str]) -> list[str]:
    """The roles; a typing error would make a token that may do nothing."""
    for role in roles:
        if role not in ROLES and not role.startswith(SCOPE_AS_ROLE):
            raise typer.BadParameter(f"there is no role {role}; there are {', '.join(ROLES)}")
    return roles


@explained()
def token(
    role: Annotated[list[str] | None, typer.Option(help="what the caller may do; again for more roles")] = None,
    org: Annotated[str, typer.Option(help="the part of the organisation that the caller sees")] = "/",
    subject: Annotated[str, typer.Option(help="who calls")] = "dev",
    ttl: Annotated[str, typer.Option(help="how long it is good: 90s, 15m, 12h, 7d")] = "12h",
) -> None:
    """Print a token of the development issuer; a suite on this machine accepts it."""
    life, roles = duration(ttl), known(role or ["admin"])
    folder = options.read().folder
    folder.make()
    keys = Keys(folder.keys)
    keys.make()
    sys.stdout.write(tokens.issue(keys.issuer, subject=subject, roles=roles, org=org, ttl=life) + "\n")
