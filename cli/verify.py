"""`kehu verify`: prove that everything that is kept follows from what was posted."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.verifying import everybody, stocks, whole_orders
from kit.proof import chain_faults
from kit.signing import SignatureInvalid, verified

verify = typer.Typer(no_args_is_help=True, help="Prove that what is kept follows from what was posted.")


@verify.command()
def members(
    database_url: Annotated[
        str, typer.Option(envvar="KEHU_DATABASE_URL", help="the database of members; by default that of the suite here")
    ] = "",
    workers: Annotated[int, typer.Option(min=1, max=64, help="how many statements run at once")] = os.cpu_count() or 1,
    tiers: Annotated[bool, typer.Option(help="replay every member's tiers too, which takes longer")] = True,
) -> None:
    """Recompute every balance, lot, hold and tier of the whole database, while it is in use.

    The exit status is 1 when something differs; each difference is a line.
    """
    report = everybody.verify(database_url or _of_the_suite("members"), workers=workers, tiers=tiers, say=_say)
    for difference in report.differences:
        _say(f"differs: {difference}")
    _say(report.summary())
    if report.differences:
        raise typer.Exit(1)


@verify.command()
def stock(
    database_url: Annotated[
        str, typer.Option(envvar="KEHU_DATABASE_URL", help="the database of orders; by default that of the suite here")
    ] = "",
) -> None:
    """Compare all stock with its movements, and what is reserved with who holds it, while it is in use.

    The exit status is 1 when something differs; each difference is a line.
    """
    report = stocks.verify(database_url or _of_the_suite("orders"))
    for difference in report.differences:
        for sentence in difference.sentences():
            _say(f"differs: {sentence}")
    _say(report.summary())
    if report.differences:
        raise typer.Exit(1)


@verify.command()
def orders(
    database_url: Annotated[
        str, typer.Option(envvar="KEHU_DATABASE_URL", help="the database of orders; by default that of the suite here")
    ] = "",
    workers: Annotated[int, typer.Option(min=1, max=64, help="how many statements run at once")] = os.cpu_count() or 1,
) -> None:
    """Recompute the money, payments, refunds and stock of all orders, the quotas of flash sales, and find checkouts
    without an end, while they are in use.

    The exit status is 1 when something differs; each difference is a line.
    """
    report = whole_orders.verify(database_url or _of_the_suite("orders"), workers=workers, say=_say)
    for difference in report.differences:
        _say(f"differs: {difference}")
    _say(report.summary())
    if report.differences:
        raise typer.Exit(1)


@verify.command()
def statement(
    file: Annotated[Path, typer.Argument(help="answers of VerifyMember or VerifyOrder or their lists, or JWS lines")],
    keys: Annotated[Path, typer.Option(help="the public keys (JWKS), as GetVerificationKeySet answers them")],
) -> None:
    """Verify signed statements about members or orders, without the service.

    Every signature must hold, every statement say what its checks say, and statements of one subject follow each other.
    """
    try:
        found = list(_signatures(file.read_text()))
        payloads = [verified(each, _key_set(keys.read_text())) for each in found]
    except (OSError, ValueError) as error:
        _say(f"not verified: {error}")
        raise typer.Exit(1) from None
    faults = [fault for chain in _chains(payloads) for fault in chain_faults(chain)]
    differing = [json.loads(each)["name"] for each in payloads if not json.loads(each)["ok"]]
    for line in (*faults, *(f"{name} found differences" for name in differing)):
        _say(line)
    _say(f"{len(payloads)} statements: the signatures hold{', but see above' if faults or differing else ''}.")
    if faults or differing:
        raise typer.Exit(1)


def _signatures(text: str) -> Iterator[str]:
    """The signatures in a file."""
    if not text.strip():
        raise SignatureInvalid("the file is empty")
    if not text.lstrip().startswith("{"):
        yield from text.split()
        return
    answer = json.loads(text)
    for each in answer.get("verifications") or answer.get("orderVerifications") or [answer]:
        if "jws" not in each:
            raise SignatureInvalid("the file has no signed statement")
        yield each["jws"]


def _key_set(text: str) -> str:
    """A JWKS, alone or as the service answers it."""
    return str(json.loads(text).get("jwks", text))


def _chains(payloads: list[str]) -> list[list[str]]:
    """Statements by what they are about, each in their order."""
    chains: dict[str, list[tuple[int, str]]] = {}
    for payload in payloads:
        subject, _, sequence = json.loads(payload)["name"].rpartition("/")
        chains.setdefault(subject, []).append((int(sequence), payload))
    return [[payload for _, payload in sorted(chain)] for chain in chains.values()]


def _of_the_suite(service: str) -> str:
    """The database of a service of the suite that runs on this machine."""
    if find_spec("deploy"):
        options: Any = import_module("deploy.local.options")
        state: Any = import_module("deploy.local.state")
        folder = options.read().folder
        if state.holder(folder) is not None and folder.state.exists():
            return str(state.State.read(folder.state).databases[service])
    raise typer.BadParameter(
        "say where the database is, or start the suite with `kehu up`", param_hint="--database-url"
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
