"""What stops the suite from running here, said so that the reader can act."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class Problem(Exception):
    """A cause and its remedy in one sentence; shown to the user as it is, without a traceback."""


@contextmanager
def explained() -> Iterator[None]:
    """End the program with a Problem's sentence on standard error; also a decorator for commands."""
    try:
        yield
    except Problem as problem:
        sys.stderr.write(f"{problem}\n")
        raise SystemExit(1) from None
