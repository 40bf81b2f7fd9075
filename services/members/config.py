"""Settings of members: those that every service has. The rules of points and tiers are data, see `Programme`."""

from __future__ import annotations

from kit.settings import Settings


class Config(Settings):
    """Settings of one process of members."""
