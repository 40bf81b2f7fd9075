"""Time is an argument: whoever needs it is given a clock or an instant, never asks the machine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Answers the present instant, aware and in UTC."""


def utc_now() -> datetime:
    """The machine's clock; only composition roots hand it on."""
    return datetime.now(UTC)
