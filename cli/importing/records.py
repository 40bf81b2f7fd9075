"""From a text file to records: the lines of the file divided into fields, each with its line number.

A record that can't be divided is answered as Broken, and the reading goes on with the next line: a quote that is never
closed costs its own line, not the rest of the file.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from cli.importing.encoding import MARKING, Text, marked
from cli.importing.mapping import FileRules
from cli.importing.problem import ImportProblem, unreadable

LONGEST_LINE = 1 << 20
"""Letters; a longer line is broken."""
_LONGEST_RECORD = 200  # lines
_DELIMITERS = ",;\t|"


class Record(NamedTuple):
    """The fields of one row, and the line (from 1 on) and text that they come from."""

    line: int
    fields: list[str]
    text: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that can't be divided into fields, and why."""

    line: int
    reason: str
    explanation: str
    text: str


class Records:
    """The rows of a file, after its header. Empty lines are no rows."""

    def __init__(self, text: Text, rules: FileRules) -> None:
        self._lines = _Lines(text.path, text.encoding)
        self._rules = rules
        self._delimiter = "\t" if rules.format == "tsv" else rules.delimiter
        try:
            self.header: list[str] = self._read_header() if rules.header else []
        except ImportProblem:
            self.close()
            raise
        self.width = len(self.header)
        """How many columns a row has; 0 when no header tells."""

    def __iter__(self) -> Iterator[Record | Broken]:
        delimiter = "," if self._delimiter == "auto" else self._delimiter
        for number, line in self._lines:
            if marked(line):
                yield Broken(number, "BYTES_UNREADABLE", "some of its bytes are no letters of the encoding", line)
            elif len(line) >= LONGEST_LINE:
                yield Broken(number, "LINE_TOO_LONG", f"the line has more than {LONGEST_LINE} letters", line)
            elif self._rules.format == "whitespace":
                yield Record(number, line.split(), line)
            elif self._rules.quote in line or self._rules.escape:
                yield self._quoted(number, line, delimiter)
            else:
                yield Record(number, line.rstrip("\r\n").split(delimiter), line)

    def close(self) -> None:
        """Stop reading."""
        self._lines.close()

    def _read_header(self) -> list[str]:
        found = None
        for _, line in self._lines.all():
            if self._lines.number > self._rules.skip and line.strip():
                found = line
                break
        if found is None:
            raise unreadable("The file is empty.")
        if self._rules.format == "whitespace":
            return found.split()
        if self._delimiter == "auto":
            self._delimiter = max(_DELIMITERS, key=lambda each: len(self._titles(found, each)))
        titles = self._titles(found, self._delimiter)
        if not titles:
            raise unreadable(f"The header of the file can't be divided into columns: {found.strip()[:200]}")
        return titles

    def _titles(self, header: str, delimiter: str) -> list[str]:
        try:
            return [field.strip() for field in self._divide([header], delimiter)]
        except csv.Error:
            return []

    def _quoted(self, number: int, line: str, delimiter: str) -> Record | Broken:
        """Divide a line with quotes; a quote that stays open takes in the lines that follow, up to the closing one.

        What they make together is believed only if it has as many fields as the header, and no line inside looks like
        a row itself; otherwise the quote was a stray one, its line is broken, and the lines that follow are read again
        for themselves.
        """
        pieces, error = [line], ""
        while True:
            try:
                fields = self._divide(pieces, delimiter)
            except csv.Error as caught:
                error = str(caught)
            else:
                if len(pieces) == 1 or (len(fields) == self.width and not self._whole_rows(pieces[1:-1], delimiter)):
                    return Record(number, fields, "".join(pieces))
                error = "it runs over several lines that do not make one row"
            if "unexpected end of data" not in error or not self._extend(pieces):
                self._lines.put_back(pieces[1:])
                return Broken(number, "QUOTES_BROKEN", f"the quotes of the row do not fit ({error})", line)

    def _whole_rows(self, lines: list[str], delimiter: str) -> bool:
        return any(line.count(delimiter) == self.width - 1 for line in lines if self.width > 1)

    def _extend(self, pieces: list[str]) -> bool:
        """Add the lines up to the next one with a quote."""
        while len(pieces) < _LONGEST_RECORD:
            following = self._lines.take()
            if not following:
                return False
            pieces.append(following)
            if self._rules.quote in following:
                return not marked(following)
        return False

    def _divide(self, lines: list[str], delimiter: str) -> list[str]:
        rules = self._rules
        reader = csv.reader(lines, delimiter=delimiter, quotechar=rules.quote, escapechar=rules.escape, strict=True)
        return next(reader, [])


class _Lines:
    """The lines of a file with their numbers; some can be put back."""

    def __init__(self, path: Path, encoding: str) -> None:
        # newline="" leaves the line ends as they are; \n, \r and \r\n all end a line.
        self._file = io.open(path, encoding=encoding, errors=MARKING, newline="")  # noqa: SIM115, UP020 - closed at the end
        self._read = partial(self._file.readline, LONGEST_LINE)
        self._waiting: deque[str] = deque()
        self.number = 0

    def __iter__(self) -> Iterator[tuple[int, str]]:
        """The lines that are not empty."""
        return ((number, line) for number, line in self.all() if line.strip())

    def all(self) -> Iterator[tuple[int, str]]:
        """All the lines that are left."""
        while line := self.take():
            yield self.number, line

    def take(self) -> str:
        """The next line, with its end; nothing at the end of the file."""
        if self._waiting:
            self.number += 1
            return self._waiting.popleft()
        line = "" if self._file.closed else self._read()
        if not line:
            self._file.close()
            return ""
        self.number += 1
        if len(line) >= LONGEST_LINE and not line.endswith(("\n", "\r")):
            self._skip_rest()
        return line

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def put_back(self, lines: list[str]) -> None:
        """Make these the next lines again."""
        self._waiting.extendleft(reversed(lines))
        self.number -= len(lines)

    def _skip_rest(self) -> None:
        while (more := self._read()) and not more.endswith(("\n", "\r")):
            pass
