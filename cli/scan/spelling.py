"""How a value may be spelled in a log, in a label or in a span."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from urllib.parse import quote

_SHORTEST = 6
"""Shorter words of Latin letters stand in any log by chance."""


def spellings(values: Iterable[str]) -> set[str]:
    """Everything to look for. Values that are too short to be told from chance are left out."""
    return {spelled for value in values if _telling(value) for spelled in _spelled(value)}


def _telling(value: str) -> bool:
    return len(value) >= _SHORTEST or (len(value) > 1 and not value.isascii())


def _spelled(value: str) -> Iterator[str]:
    yield value
    yield json.dumps(value)[1:-1]
    yield quote(value, safe="")
    yield quote(value, safe="@")
    if value.startswith("+") and value[1:].isdigit():
        yield value[1:]
        yield value[3:]  # without the country's code
    if not value.isascii():  # as protobuf prints it, and the same within JSON
        octal = "".join(chr(byte) if byte < 0x80 else f"\\{byte:03o}" for byte in value.encode())
        yield octal
        yield octal.replace("\\", "\\\\")
