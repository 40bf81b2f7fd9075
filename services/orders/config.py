"""The settings of orders."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from kit.settings import Settings


class Config(Settings):
    """What orders needs beside the settings of every service."""

    peers_campaigns: str = Field("127.0.0.1:0", description="Where campaigns answers gRPC, host:port.")
    peers_members: str = Field("127.0.0.1:0", description="Where members answers gRPC, host:port.")
    pay_within: timedelta = Field(
        timedelta(minutes=15), gt=timedelta(0), description="How long an order waits for its payment (ISO 8601)."
    )
