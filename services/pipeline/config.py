"""Settings of pipeline: those that every service has, and where its telephones ring."""

from __future__ import annotations

from pydantic import Field

from kit.settings import Settings


class Config(Settings):
    """Settings of one process of pipeline."""

    home_region: str = Field(
        "CN",
        pattern="^[A-Z]{2}$",
        description="Region (ISO 3166-1 alpha-2) of telephone numbers without a country code.",
    )
