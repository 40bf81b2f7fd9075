"""`kehu`: the command-line tool. Every command is registered in COMMANDS, and nowhere else."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import typer

COMMANDS = {
    "up": "cli.suite:up",
    "down": "cli.suite:down",
    "status": "cli.suite:show_status",
    "token": "cli.token:token",
    "import": "cli.importing.command:import_file",
    "import-products": "cli.importing.products:import_products",
    "demo": "cli.demo.main:demo",
    "verify": "cli.verify:verify",
    "capacity": "cli.capacity.command:capacity",
}
"""The function of each command, or the application of a group of them. Its module is loaded only for its command: most
need half of the suite's libraries."""

_IN_A_CHECKOUT = frozenset({"up", "down", "status", "token", "demo"})


def build(asked: str | None) -> typer.Typer:
    """The application with the command that is asked for; with all of them when that is none of ours."""
    app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
    # With a callback a command keeps its name even when it is the only one.
    app.callback(help="Kehu, the customer suite: run it on this machine, bring data into it.")(_nothing)
    for name, place in COMMANDS.items():
        if name == asked or (asked not in COMMANDS and _can_run(name)):
            command = _load(place)
            if isinstance(command, typer.Typer):
                app.add_typer(command, name=name)
            else:
                app.command(name)(command)
    return app


def main() -> None:
    """Entry point."""
    build(next(iter(sys.argv[1:]), None))()


def _can_run(name: str) -> bool:
    """A production image has no `deploy`."""
    return name not in _IN_A_CHECKOUT or find_spec("deploy") is not None


def _load(place: str) -> Any:
    module, _, function = place.partition(":")
    return getattr(import_module(module), function)


def _nothing() -> None:
    """There are no options before the command."""


if __name__ == "__main__":
    main()
