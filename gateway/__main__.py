"""Writes the gateway's configuration, and lets Envoy check it."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from gateway import envoy
from gateway.bootstrap import render
from gateway.place import Address, cluster, local

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)


class Target(StrEnum):
    """The kinds of places."""

    LOCAL = "local"
    CLUSTER = "cluster"


_PLACES = {Target.LOCAL: local, Target.CLUSTER: cluster}


@app.command("render")
def write(
    endpoint: Annotated[list[str], typer.Option(help="service=host:port; again for every process or name")],
    jwks: Annotated[str, typer.Option(help="public keys, as Envoy finds them")],
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
    }
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


def _upstreams(endpoints: Sequence[str]) -> dict[str, list[Address]]:
    found: dict[str, list[Address]] = defaultdict(list)
    for endpoint in endpoints:
        room, _, address = endpoint.partition("=")
        found[room].append(Address.parse(address))
    return found


if __name__ == "__main__":
    app()
