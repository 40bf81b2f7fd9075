"""Settings of members. The rules of points and tiers are data, see `Programme`."""

from __future__ import annotations

from pydantic import Field

from kit.settings import Settings


class Config(Settings):
    """Settings of one process of members."""

    keyring_file: str = Field(
        description="Keys (JSON) that seal what is personal and hash what members are found by; see SECURITY.md."
    )
