"""Send the gateway of a suite of its own what nobody would think of: requests made from the OpenAPI document, good and
bad ones. Nothing may answer with a status of 500 or above, no process may die, and none may log a failure.

`python -m tools.fuzz` takes ten minutes; `--seconds 60` takes one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from deploy.local.problem import Problem
from deploy.local.suite import Suite

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "api" / "openapi.json"
CHECKS = "not_a_server_error,content_type_conformance,response_headers_conformance"


def command(gateway: str, token: str, *, seconds: int, examples: int, workers: int) -> list[str]:
    """How schemathesis is called."""
    return [
        *(str(Path(sys.executable).with_name("schemathesis")), "run", str(DOCUMENT), "--url", gateway),
        *("--header", f"Authorization: Bearer {token}", "--checks", CHECKS, "--phases", "coverage,fuzzing"),
        *("--max-examples", str(examples), "--max-time", str(seconds), "--workers", str(workers)),
        *("--request-timeout", "30", "--continue-on-failure", "--suppress-health-check", "all", "--seed", "1"),
        *("--generation-database", "none", "--no-color", "--warnings", "off"),
    ]


def troubles(suite: Suite, before: dict[str, int | None]) -> Iterator[str]:
    """What happened to the processes meanwhile: which died, and which logged a failure."""
    for process in suite.processes():
        if process.pid != before[process.name]:
            yield f"{process.name} died"
        for line in Path(process.log).read_text(errors="replace").splitlines():
            if '"message": "rpc failed"' in line:
                said = json.loads(line)
                yield f"{process.name}: {said['method']} failed: {said.get('exception', '')[-400:]}"


def main(
    seconds: Annotated[int, typer.Option(min=10, help="how long")] = 600,
    examples: Annotated[int, typer.Option(min=1, help="requests per operation and round")] = 20,
    workers: Annotated[int, typer.Option(min=1, help="requests at once")] = 2,
) -> None:
    """Run a suite, fuzz it, and tell what broke."""
    with TemporaryDirectory(prefix="kehu-fuzz-") as folder:
        Path(folder).chmod(0o711)  # PostgreSQL may run as another account, which must pass through
        with Suite(Path(folder) / "run") as suite:
            before = {process.name: process.pid for process in suite.processes()}
            call = command(suite.gateway, suite.token("admin"), seconds=seconds, examples=examples, workers=workers)
            done = subprocess.run(call, check=False, cwd=folder)
            found = sorted(set(troubles(suite, before)))
    if found:
        typer.echo("\n".join(found), err=True)
    if found or done.returncode:
        raise typer.Exit(1)
    typer.echo("Nothing broke.")


if __name__ == "__main__":
    try:
        typer.run(main)
    except Problem as problem:
        raise SystemExit(str(problem)) from None
