"""What stops the suite from running here, said so that the reader can act."""

from __future__ import annotations


class Problem(Exception):
    """A cause and its remedy in one sentence; shown to the user as it is, without a traceback."""
