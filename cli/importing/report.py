"""The account of an import: every row of the file is in, or stands in `rejected.csv` with the reason.

`noticed.csv` names what was left out of rows that are in: a title that was cut, a phone number that can't be one.
Both files hold what the source holds, personal data too, so only their owner may read them.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TextIO

from cli.importing.encoding import readable
from cli.importing.problem import unwritable

_LONGEST_TEXT = 32_000
"""Letters of a row's text that are kept; the cell of a spreadsheet holds no more."""
_HEADER = ("line", "column", "reason", "explanation", "text")


@dataclass(frozen=True, slots=True)
class Remark:
    """What is said of one row: its line in the file, the column (empty: all of it), a reason and a sentence."""

    line: int
    column: str
    reason: str
    explanation: str
    text: str


class Remarks:
    """A CSV file of remarks by line; it appears under its name when it is complete, and not at all without remarks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reasons: Counter[str] = Counter()
        self._partial = path.with_suffix(".partial")
        self._file: TextIO | None = None
        self._last = 0
        self._sorted = True

    @property
    def count(self) -> int:
        """How many remarks there are."""
        return self.reasons.total()

    def add(self, remark: Remark) -> None:
        """Write one down."""
        if self._file is None:
            self._file = private(self._partial)
        text = readable(remark.text.rstrip("\r\n")[:_LONGEST_TEXT])
        row = (remark.line, remark.column, remark.reason, readable(remark.explanation), text)
        csv.writer(self._file, lineterminator="\n").writerow(row)
        self.reasons[remark.reason] += 1
        self._sorted = self._sorted and remark.line >= self._last
        self._last = remark.line

    def close(self) -> None:
        """Put the file in its place."""
        if self._file is None:
            with suppress(OSError):  # an older account, if there is one
                self.path.unlink()
            return
        self._file.close()
        self._file = None
        with self._partial.open(encoding="utf-8", newline="") as partial, private(self.path) as final:
            rows: Iterable[list[str]] = csv.reader(partial)
            if not self._sorted:
                rows = sorted(rows, key=_line)
            writer = csv.writer(final, lineterminator="\n")
            writer.writerow(_HEADER)
            writer.writerows(rows)
        self._partial.unlink()


def _line(row: list[str]) -> int:
    return int(row[0])


def private(path: Path) -> TextIO:
    """A new text file that only its owner may read."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        return path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
    except OSError as error:
        raise unwritable(f"{path} can't be written: {error.strerror}. Choose another folder with --state.") from None


@dataclass(slots=True)
class Results:
    """How many rows of one kind the services created, changed, knew already, and refused."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0

    def count(self, outcome: str) -> None:
        """One more: CREATED, UPDATED, UNCHANGED or REJECTED."""
        setattr(self, outcome.lower(), getattr(self, outcome.lower()) + 1)

    @property
    def total(self) -> int:
        """All of them."""
        return self.created + self.updated + self.unchanged + self.rejected

    def add(self, others: Results) -> None:
        """So many more."""
        for each in fields(Results):
            setattr(self, each.name, getattr(self, each.name) + getattr(others, each.name))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the services said to one batch."""

    results: Results
    refused: tuple[Remark, ...] = ()
    """Lines of the file that are not in."""
    noticed: tuple[Remark, ...] = ()


@dataclass(slots=True)
class Account:
    """What became of a file."""

    rejected: Remarks
    noticed: Remarks
    rows: int = 0
    """Rows of the file; its header and empty lines are none."""
    accepted: int = 0
    """Rows that are in."""
    members: Results = field(default_factory=Results)
    orders: Results = field(default_factory=Results)
    items: int = 0
    amounts: Counter[str] = field(default_factory=Counter)
    """Minor units of the orders that are in, by currency."""

    def take(self, stage: str, answer: Answer) -> None:
        """Put down what became of a batch of `members` or `orders`."""
        (self.members if stage == "members" else self.orders).add(answer.results)
        self.accepted -= len(answer.refused)
        for remark in answer.refused:
            self.rejected.add(remark)
        for remark in answer.noticed:
            self.noticed.add(remark)

    def close(self) -> None:
        """Put both files in their places."""
        self.rejected.close()
        self.noticed.close()

    @property
    def balanced(self) -> bool:
        """Whether every row is accounted for."""
        return self.rows == self.accepted + self.rejected.count
