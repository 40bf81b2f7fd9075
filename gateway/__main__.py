"""Writes the gateway's configuration, and lets Envoy check it."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
import yaml

from gateway import envoy
from gateway.bootstrap import render
from gateway.place import Address, Issuer, Mutual, Tls, cluster, local

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)


class Target(StrEnum):
    """The kinds of places."""

    LOCAL = "local"
    CLUSTER = "cluster"


T = TypeVar("T", Tls, Mutual, Issuer)

_PLACES = {Target.LOCAL: local, Target.CLUSTER: cluster}


@app.command("render")
def write(
    endpoint: Annotated[list[str], typer.Option(help="service=host:port; again for every process or name")],
    jwks: Annotated[str, typer.Option(help="public keys, as Envoy finds them; not needed with an issuer")] = "",
    target: Annotated[Target, typer.Option(help="one machine, or a cluster")] = Target.LOCAL,
    out: Annotated[Path | None, typer.Option(help="file to write; standard output by default")] = None,
    listen: Annotated[str, typer.Option(help="where callers come in")] = "",
    status: Annotated[str, typer.Option(help="where /ready and /stats/prometheus are")] = "",
    admin: Annotated[str, typer.Option(help="Envoy's admin interface, on loopback")] = "",
    descriptors: Annotated[str, typer.Option(help="descriptor set, as Envoy finds it")] = "",
    origin: Annotated[list[str] | None, typer.Option(help="web origin that may call, as a regular expression")] = None,
    otlp_endpoint: Annotated[str, typer.Option(envvar="KEHU_OTLP_ENDPOINT", help="trace collector")] = "",
    trace_ratio: Annotated[float, typer.Option(envvar="KEHU_TRACE_RATIO", min=0, max=1)] = 0.01,
    trusted_hops: Annotated[int, typer.Option(min=0, help="proxies in front of the gateway")] = 0,
    tls_listen: Annotated[str, typer.Option(help="where callers come in over TLS")] = "",
    tls_certificate: Annotated[str, typer.Option(help="certificate chain (PEM) shown to callers")] = "",
    tls_key: Annotated[str, typer.Option(help="its key (PEM)")] = "",
    tls_beside: Annotated[bool, typer.Option(help="leave the plain port open beside TLS")] = False,
    services_certificate: Annotated[str, typer.Option(help="certificate (PEM) shown to the services")] = "",
    services_key: Annotated[str, typer.Option(help="its key (PEM)")] = "",
    services_authority: Annotated[str, typer.Option(help="authority (PEM) of the services' certificates")] = "",
    share: Annotated[
        list[str] | None, typer.Option(help="service=replicas over gateways; by default 1 for each endpoint")
    ] = None,
    issuer: Annotated[str, typer.Option(help="`iss` of the tokens of an OIDC issuer")] = "",
    issuer_jwks_uri: Annotated[str, typer.Option(help="where it shows its public keys")] = "",
    issuer_audience: Annotated[list[str] | None, typer.Option(help="`aud` of its tokens")] = None,
    issuer_authority: Annotated[str, typer.Option(help="authority (PEM) of its certificate")] = "",
) -> None:
    """Write the configuration for a place."""
    given: dict[str, Any] = {
        **{
            name: Address.parse(text)
            for name, text in (("listen", listen), ("status", status), ("admin", admin))
            if text
        },
        **({"descriptors": descriptors} if descriptors else {}),
        **({"origins": origin} if origin else {}),
        "shares": _shares(share or ()),
        "tls": _all(Tls, listen=tls_listen and Address.parse(tls_listen), certificate=tls_certificate, key=tls_key),
        "mutual": _all(Mutual, certificate=services_certificate, key=services_key, authority=services_authority),
        "issuer": _all(Issuer, name=issuer, jwks_uri=issuer_jwks_uri, audiences=issuer_audience),
    }
    if isinstance(given["tls"], Tls):
        given["tls"] = replace(given["tls"], beside=tls_beside)
    if isinstance(given["issuer"], Issuer) and issuer_authority:
        given["issuer"] = replace(given["issuer"], authority=issuer_authority)
    place = replace(
        _PLACES[target](_upstreams(endpoint), jwks=jwks),
        otlp_endpoint=otlp_endpoint,
        trace_ratio=trace_ratio,
        trusted_hops=trusted_hops,
        **given,
    )
    text = yaml.safe_dump(render(place), sort_keys=False, allow_unicode=True, width=1000)
    sys.stdout.write(text) if out is None else out.write_text(text)


@app.command()
def validate(file: Annotated[Path, typer.Argument(help="the configuration")]) -> None:
    """Let Envoy check a configuration."""
    complaint = envoy.validate(file)
    if complaint:
        raise SystemExit(complaint)


def _all(kind: type[T], **given: Any) -> T | None:
    """One of the kind if everything of it is given, None if nothing is."""
    lacking = [name for name, value in given.items() if not value]
    if len(lacking) == len(given):
        return None
    if lacking:
        raise typer.BadParameter(f"{kind.__name__.lower()} needs {', '.join(lacking)} too")
    return kind(**given)


def _shares(given: Sequence[str]) -> dict[str, float]:
    found = {}
    for text in given:
        room, _, number = text.partition("=")
        try:
            found[room] = float(number)
        except ValueError:
            raise typer.BadParameter(f"{text!r} is not service=number") from None
    return found


def _upstreams(endpoints: Sequence[str]) -> dict[str, list[Address]]:
    found: dict[str, list[Address]] = defaultdict(list)
    for endpoint in endpoints:
        room, _, address = endpoint.partition("=")
        found[room].append(Address.parse(address))
    return found


if __name__ == "__main__":
    app()
