"""What the importer makes of a file, for tests."""

from __future__ import annotations

import csv
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.importing import encoding
from cli.importing.mapping import Mapping
from cli.importing.reading import Reading
from cli.importing.report import Account, Remarks
from cli.importing.scratch import Customer, Order

NOW = 1_800_000_000_000_000
"""2027-01-15, in microseconds."""


def mapping_of(**others: Any) -> Mapping:
    """A mapping with lines of orders; arguments replace its tables."""
    columns: dict[str, Any] = {
        "order": "order",
        "customer": "customer",
        "time": "date",
        "sku": "sku",
        "quantity": "qty",
        "unit_price": "price",
        "optional": ["order", "customer", "sku"],
    }
    columns |= others.pop("columns", {})
    return Mapping.model_validate({"channel": "test", "currency": "USD", "columns": columns, **others})


@dataclass
class Read:
    """What was read."""

    account: Account
    orders: list[Order]
    customers: list[Customer]
    rejected: list[dict[str, str]]
    noticed: list[dict[str, str]]
    encoding: str
    columns: dict[str, str]

    @property
    def reasons(self) -> list[tuple[int, str]]:
        """Line and reason of each rejected row."""
        return [(int(each["line"]), each["reason"]) for each in self.rejected]


def read(content: str | bytes, mapping: Mapping) -> Read:
    """Read a file with this content."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file.csv"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_file(file, mapping)


def read_file(file: Path, mapping: Mapping) -> Read:
    """Read a file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        account = Account(Remarks(folder / "rejected.csv"), Remarks(folder / "noticed.csv"))
        text = encoding.inspect(file, mapping.file.encoding)
        reading = Reading(text, mapping, now=NOW)
        reading.run(account, lambda rows: None)
        account.close()
        assert account.balanced
        scratch = reading.scratch
        found = Read(
            account,
            list(scratch.orders()),
            list(scratch.customers()),
            _rows(folder / "rejected.csv"),
            _rows(folder / "noticed.csv"),
            text.encoding,
            reading.columns,
        )
        reading.close()
        return found


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
