"""How a file's bytes are read as text: declared, or found out from all of them.

A byte that the encoding does not know becomes a mark, by which its row is told and rejected; the rest is read on.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cli.importing.problem import unreadable

MARKING = "kehu.marking"
"""The error handler's name."""
_MARK_BASE = 0xDC00  # no text has a lone surrogate, so none can be mistaken for a mark
_MARKS = re.compile("[\udc00-\udcff]")
_CHUNK = 1 << 20
_WORKBOOK = b"PK\x03\x04"
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Text:
    """A file that can be read as text: its encoding, and the digest and number of its bytes."""

    path: Path
    encoding: str
    digest: str
    size: int


def inspect(path: Path, declared: str) -> Text:
    """Find out the encoding unless it is declared. Raises ImportProblem for what is no text file."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
            _refuse_binary(path, head)
            file.seek(0)
            found = _Votes() if declared == "auto" and not _by_mark(head) else None
            digest, size = _scan(file, found)
    except OSError as error:
        raise unreadable(f"The file {path} can't be read: {error.strerror}.") from None
    encoding = _by_mark(head) or (found.winner() if found else _known(declared))
    return Text(path, encoding, digest, size)


def marked(text: str) -> bool:
    """Whether some of the bytes could not be read."""
    return not text.isascii() and _MARKS.search(text) is not None


def readable(text: str) -> str:
    """The text with its marks shown as the bytes they stand for."""
    return _MARKS.sub(lambda mark: f"\\x{ord(mark.group()) - _MARK_BASE:02x}", text)


def _refuse_binary(path: Path, head: bytes) -> None:
    if head.startswith((_WORKBOOK, _OLD_WORKBOOK)):
        raise unreadable(f"The file {path} is a workbook or an archive; save its sheet as CSV first.")
    if head.startswith(_GZIP):
        raise unreadable(f"The file {path} is compressed; unpack it first (`gunzip`).")


def _by_mark(head: bytes) -> str:
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    return "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else ""


def _known(declared: str) -> str:
    try:
        return codecs.lookup(declared).name
    except LookupError:
        raise unreadable(f"No encoding {declared!r} is known; for example utf-8, gb18030, windows-1252.") from None


def _scan(file: BinaryIO, votes: _Votes | None) -> tuple[str, int]:
    digest, size, rest = hashlib.sha256(), 0, b""
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
        if votes is not None:
            whole, _, rest = (rest + chunk).rpartition(b"\n")
            votes.count(whole)
            if len(rest) > _CHUNK:
                votes.count(rest)
                rest = b""
    if votes is not None:
        votes.count(rest)
    return digest.hexdigest(), size


class _Votes:
    """Each line that is not plain ASCII votes for an encoding that it makes sense in."""

    def __init__(self) -> None:
        self._lines: Counter[str] = Counter()
        self._nulls: Counter[int] = Counter()
        self._controls = False

    def count(self, lines: bytes) -> None:
        if b"\0" in lines[:4096]:
            self._nulls.update(position & 1 for position in _nulls(lines[:4096]))
        if lines.isascii():
            return
        for line in lines.split(b"\n"):
            if not line.isascii():
                self._lines[_vote(line)] += 1
                self._controls = self._controls or any(0x80 <= byte < 0xA0 for byte in line)

    def winner(self) -> str:
        # A line of ASCII in UTF-16 has a zero beside every letter: in the odd places, or in the even ones.
        if self._nulls[0] + self._nulls[1] > 8 and min(self._nulls[0], self._nulls[1]) * 4 < self._nulls.total():
            return "utf-16-le" if self._nulls[1] > self._nulls[0] else "utf-16-be"
        if not self._lines:
            return "utf-8"
        encoding = self._lines.most_common(1)[0][0]
        return "windows-1252" if encoding == "latin-1" and self._controls else encoding


def _nulls(data: bytes) -> Iterator[int]:
    return (position for position, byte in enumerate(data) if byte == 0)


def _vote(line: bytes) -> str:
    try:
        line.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        return "gb18030" if _looks_chinese(line) else "latin-1"


def _looks_chinese(line: bytes) -> bool:
    """Whether most of the letters beyond ASCII are pairs of high bytes, as in GB 2312.

    Western letters beyond ASCII mostly stand alone between ASCII ones.
    """
    try:
        letters = [letter for letter in line.decode("gb18030") if not letter.isascii()]
    except UnicodeDecodeError:
        return False
    pairs = sum(min(letter.encode("gb18030")[:2]) >= 0xA1 for letter in letters)
    return pairs * 10 >= len(letters) * 6


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    # Only one byte is given up, so that the end of the line behind it is seen; in UTF-16 letters go by two bytes.
    end = error.end if error.encoding.startswith("utf-16") else error.start + 1
    return "".join(chr(_MARK_BASE + byte) for byte in error.object[error.start : end]), end


codecs.register_error(MARKING, _mark)
