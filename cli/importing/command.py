"""`kehu import FILE`."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.importing import mapping, progress, summary
from cli.importing.gateway import Gateway
from cli.importing.pacing import Pace, Rate, at_once
from cli.importing.problem import Exit, ImportProblem
from cli.importing.run import Done, Job, run_import

_EPILOG = """Exit status: 0 every row is in, or in the file of rejected rows; 2 the command line or the mapping can't be
used; 3 the file can't be read, nothing was sent; 4 the gateway refuses the token; 5 the gateway stayed away, the same
command goes on later; 130 interrupted, the same command goes on."""


def import_file(
    file: Annotated[Path, typer.Argument(help="CSV, TSV or whitespace separated.")],
    mapping_name: Annotated[
        str, typer.Option("--mapping", help=f"{', '.join(mapping.shipped())}, or the path of a TOML file.")
    ],
    gateway: Annotated[
        str, typer.Option(envvar="KEHU_GATEWAY", help="host:port, or http(s)://host:port.")
    ] = "127.0.0.1:8080",
    token: Annotated[str, typer.Option(envvar="KEHU_TOKEN", help="A bearer token; `kehu token` makes one.")] = "",
    state: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the rejected rows and of how far the import came; .run/import/<file> if not given."
        ),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only judge the rows; send nothing.")] = False,
    in_flight: Annotated[int, typer.Option(min=1, max=64, help="Batches under way at a time.")] = Pace().in_flight,
    rate: Annotated[float, typer.Option(min=0, help="At most so many orders a second; 0 for no limit.")] = 0.0,
    patience: Annotated[float, typer.Option(min=0, help="Seconds without any success after which to give up.")] = 120.0,
) -> None:
    """Import another system's members and paid orders. The same file again changes nothing."""
    console = Console(stderr=True)
    try:
        job = Job(
            file,
            mapping.load(mapping_name),
            state or Path(".run/import") / file.name,
            pace=Pace(in_flight=in_flight),
            admit=Rate(rate) if rate else at_once,
        )
        done = asyncio.run(_import(job, None if check else (gateway, token, patience), console))
    except ImportProblem as problem:
        console.print(str(problem), style="red", highlight=False, markup=False)
        raise typer.Exit(problem.exit_status) from None
    except (OSError, sqlite3.OperationalError) as error:
        console.print(f"The import can't go on: {error}. The same command goes on from here.", markup=False)
        raise typer.Exit(Exit.INCOMPLETE) from None
    except KeyboardInterrupt:
        console.print("Interrupted. The same command goes on from here.")
        raise typer.Exit(Exit.INTERRUPTED) from None
    summary.show(done, Console(), sent=not check)


async def _import(job: Job, target: tuple[str, str, float] | None, console: Console) -> Done:
    with progress.shown_on(console) as shown:
        if target is None:
            return await run_import(job, None, shown)
        address, token, patience = target
        async with Gateway(address, token, patience=patience) as gateway:
            return await run_import(job, gateway, shown)
