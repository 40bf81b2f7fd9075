"""`kehu import-products FILE`: products out of a text file, by their SKUs and through the gateway.

Every row stands for itself, and a SKU that is known is changed to what its row says. So the same command once more, or
after it was interrupted, goes over what is in without changing it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from kehu.orders.v1 import catalogue_pb2, errors_pb2
from rich.console import Console

from cli.importing import encoding, progress
from cli.importing.gateway import Gateway, ProductAnswer, Refusal
from cli.importing.mapping import FileRules
from cli.importing.problem import Exit, ImportProblem
from cli.importing.product_rows import ProductRows
from cli.importing.progress import Shown
from cli.importing.records import Broken, Record, Records
from cli.importing.report import Remark, Remarks, Results
from cli.importing.values import Refused

AT_ONCE = 500
"""Rows of a call."""

Batch = list[tuple[Record, catalogue_pb2.ProductRow]]


def import_products(
    file: Annotated[Path, typer.Argument(help="CSV with a header; its columns are those of docs/catalogue.md.")],
    currency: Annotated[str, typer.Option(help="Of prices whose row names none.")] = "CNY",
    gateway: Annotated[
        str, typer.Option(envvar="KEHU_GATEWAY", help="host:port, or http(s)://host:port.")
    ] = "127.0.0.1:8080",
    token: Annotated[str, typer.Option(envvar="KEHU_TOKEN", help="A bearer token; `kehu token` makes one.")] = "",
    state: Annotated[
        Path | None, typer.Option(help="Folder of the rejected rows; .run/import/<file> if not given.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only judge the rows; send nothing.")] = False,
    patience: Annotated[float, typer.Option(min=0, help="Seconds without any success after which to give up.")] = 120.0,
) -> None:
    """Import products: new SKUs are put on sale, known ones changed. The same file again changes nothing."""
    console = Console(stderr=True)
    remarks = Remarks((state or Path(".run/import") / file.name) / "rejected.csv")
    try:
        results = asyncio.run(_import(file, currency, remarks, None if check else (gateway, token, patience), console))
    except ImportProblem as problem:
        console.print(str(problem), style="red", highlight=False, markup=False)
        raise typer.Exit(problem.exit_status) from None
    except KeyboardInterrupt:
        console.print("Interrupted. The same command goes on from here.")
        raise typer.Exit(Exit.INTERRUPTED) from None
    shown = f"{results.created:,} new, {results.updated:,} changed, {results.unchanged:,} known"
    console.print(
        f"products: {'nothing was sent' if check else shown}; {remarks.count:,} rows rejected", highlight=False
    )
    if remarks.count:
        console.print(f"rejected: {remarks.path}", soft_wrap=True, highlight=False, markup=False)


async def _import(
    file: Path, currency: str, remarks: Remarks, target: tuple[str, str, float] | None, console: Console
) -> Results:
    with progress.shown_on(console) as shown:
        if target is None:
            return await run(file, currency, remarks, None, shown)
        address, token, patience = target
        async with Gateway(address, token, patience=patience) as gateway:
            return await run(file, currency, remarks, gateway, shown)


async def run(file: Path, currency: str, remarks: Remarks, gateway: Gateway | None, shown: Shown) -> Results:
    """Import a file; without a gateway only judge it. Raises ImportProblem for what can't be read at all."""
    records = Records(encoding.inspect(file, "auto"), FileRules())
    results = Results()
    try:
        rows = ProductRows(records.header, currency=currency)
        shown.begin("rows", None)
        for batch in _batches(records, rows, remarks):
            if gateway is not None:
                answers = await gateway.upsert_products([row for _, row in batch])
                for (record, _), answer in zip(batch, answers, strict=True):
                    _note(record, answer, results, remarks)
            shown.advance(len(batch))
    finally:
        records.close()
        remarks.close()
    return results


def _batches(records: Records, rows: ProductRows, remarks: Remarks) -> Iterator[Batch]:
    """The rows that can be read; bundles last, for what they are made of may stand anywhere in the file."""
    batch, bundles = Batch(), Batch()
    for record in records:
        if isinstance(record, Broken):
            remarks.add(Remark(record.line, "", record.reason, record.explanation, record.text))
            continue
        try:
            row = rows.read(record.fields)
            (bundles if row.components else batch).append((record, row))
        except Refused as refused:
            remarks.add(Remark(record.line, refused.column, refused.reason, str(refused), record.text))
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
    for start in range(0, len(bundles), AT_ONCE):
        yield bundles[start : start + AT_ONCE]


def _note(record: Record, answer: ProductAnswer, results: Results, remarks: Remarks) -> None:
    if isinstance(answer, Refusal):
        results.count("REJECTED")
        remarks.add(Remark(record.line, "", f"SERVICE_{answer.code}", answer.details, record.text))
        return
    results.count(catalogue_pb2.ProductRowResult.State.Name(answer.state).removeprefix("STATE_"))
    if answer.state == catalogue_pb2.ProductRowResult.STATE_REJECTED:
        reason = errors_pb2.ErrorReason.Name(answer.reason).removeprefix("ERROR_REASON_")
        remarks.add(Remark(record.line, answer.field, reason, answer.description, record.text))
