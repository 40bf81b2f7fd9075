"""`kehu up`, `down` and `status`: the whole suite on this machine."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from deploy.local import launch, options, status, tokens
from deploy.local.problem import Problem, explained
from deploy.local.state import State, holder
from deploy.local.status import Found
from deploy.local.stop import stop

_TOKEN_LIFE = timedelta(hours=12)


@explained()
def up(
    logs: Annotated[bool, typer.Option("--logs", help="show every process's log lines too")] = False,
) -> None:
    """Run the whole suite until Ctrl-C."""
    chosen = options.read()
    _say(f"Starting the suite; its logs are in {chosen.folder.logs}.")
    launch.run(chosen, launch.Audience(ready=_ready, say=_say, log_line=_say if logs else _nothing))


@explained()
def down() -> None:
    """Stop the suite, wherever it was started."""
    _say("Stopped." if stop(options.read().folder) else "Nothing runs.")


@explained()
def show_status(
    as_json: Annotated[bool, typer.Option("--json", help="for programs: every address, with passwords")] = False,
) -> None:
    """Say what runs, and where. The exit status is 0 when every process is ready."""
    state = _running()
    found = status.look(state)
    if as_json:
        _say(json.dumps({**asdict(state), "processes": [asdict(process) for process in found]}, indent=2))
    else:
        _table(state, found)
    if any(process.state != status.READY for process in found):
        raise typer.Exit(1)


def _running() -> State:
    folder = options.read().folder
    if holder(folder) is None:
        raise Problem("Nothing runs; `kehu up` starts the suite.")
    if not folder.state.exists():
        raise Problem("The suite is being prepared; ask again in a moment.")
    return State.read(folder.state)


def _ready(state: State) -> None:
    token = tokens.issue(Path(state.issuer_key_file), subject="dev", roles=["admin"], org="/", ttl=_TOKEN_LIFE)
    _say(
        f"\nKehu is ready at {state.gateway} (REST, gRPC and gRPC-Web on one port). Ctrl-C stops it.\n\n"
        f"A development token, role admin, good for 12 hours:\n\nexport TOKEN={token}\n\n"
        f'For example: curl -H "authorization: Bearer $TOKEN" {state.gateway}/v1/members\n'
        "Everything else: kehu status\n"
    )


def _table(state: State, found: list[Found]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("process", "state", "pid", "gRPC", "metrics"):
        table.add_column(heading)
    for process in found:
        table.add_row(
            process.name,
            process.state,
            str(process.pid or "-"),
            process.grpc_address or "-",
            process.metrics_address or "-",
        )
    console = Console()
    console.print(table)
    console.print(f"\ngateway   {state.gateway}\nlogs      {Path(found[0].log).parent}", highlight=False)
    console.print("databases and broker: kehu status --json", highlight=False)


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def _nothing(_: str) -> None:
    """Log lines stay in their files."""
