"""Settings of campaigns: those that every service has. What is offered to whom is data, not settings."""

from __future__ import annotations

from kit.settings import Settings


class Config(Settings):
    """Settings of one process of campaigns."""
