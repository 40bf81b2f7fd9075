"""The hand-written part of the gateway's configuration: `rules.yaml`, typed and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

FILE = Path(__file__).with_name("rules.yaml")

RetryOn = Literal["connect-failure", "refused-stream", "reset-before-request", "cancelled", "unavailable"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CallClass(_Model):
    """How calls of one class are treated."""

    timeout_seconds: float = Field(gt=0, le=300, description="The caller gets DEADLINE_EXCEEDED after this time.")
    max_body_bytes: int = Field(gt=0, le=64 << 20, description="A larger request is refused unread.")
    retry_on: tuple[RetryOn, ...] = Field(description="Failures after which another endpoint is tried.")


class Classes(_Model):
    """The classes of calls."""

    read: CallClass
    write: CallClass
    batch: CallClass
    notice: CallClass
    stream: CallClass
    entry: CallClass


class Retry(_Model):
    """How often and how fast a call is tried again."""

    attempts: int = Field(ge=0, le=3, description="Tries after the first one.")
    base_milliseconds: int = Field(gt=0, description="First pause; it doubles, with jitter.")
    max_milliseconds: int = Field(gt=0, description="Longest pause.")
    budget_percent: float = Field(gt=0, le=100, description="Share of a service's calls under way that may be retries.")
    budget_min_concurrency: int = Field(ge=1, description="Retries always allowed at once, however few calls run.")


class Breaker(_Model):
    """What a service may have under way; more is refused at once, here and not where it would cost a hundredfold."""

    max_connections: int = Field(ge=1, description="Connections of one gateway to one service.")
    max_pending: int = Field(ge=1, description="Calls that wait for a connection.")
    calls_per_replica: int = Field(ge=1, description="Calls under way at one replica, through all gateways together.")
    streams_per_replica: int = Field(ge=1, description="The same for streams, which take no place of the others.")


class RateLimit(_Model):
    """A token bucket of one gateway process."""

    calls_per_second: int = Field(ge=1)
    burst: int = Field(ge=1, description="Calls that may come at once after a quiet time.")


class Downstream(_Model):
    """What callers may take of the gateway itself."""

    max_connections: int = Field(ge=1)
    max_streams: int = Field(ge=1, description="Calls under way on one HTTP/2 connection.")
    idle_seconds: float = Field(gt=0, description="A connection without calls is closed after this time.")
    header_seconds: float = Field(gt=0, description="A caller has this long to send its headers.")
    max_heap_bytes: int = Field(ge=64 << 20, description="Above 95 % of it new calls are refused.")


class Upstream(_Model):
    """How the services are reached and watched."""

    connect_seconds: float = Field(gt=0)
    max_connection_seconds: float = Field(gt=0, description="Connections are renewed, so that new replicas get calls.")
    health_interval_seconds: float = Field(gt=0)
    health_timeout_seconds: float = Field(gt=0)


class Token(_Model):
    """What a caller's JWT must say."""

    issuer: str
    audience: str
    leeway_seconds: int = Field(ge=0, le=300)
    keys_seconds: int = Field(ge=1, le=3600, description="How often the public keys of an OIDC issuer are fetched.")


class Rules(_Model):
    """All of `rules.yaml`."""

    classes: Classes
    retry: Retry
    breaker: Breaker
    rate_limit: RateLimit
    caller_limit: RateLimit
    entry_limit: RateLimit
    downstream: Downstream
    upstream: Upstream
    token: Token
    max_response_bytes: int = Field(gt=0, description="A larger answer can't be turned into JSON.")

    @classmethod
    def read(cls, path: Path = FILE) -> Rules:
        """Read and check a rules file."""
        return cls.model_validate(yaml.safe_load(path.read_text()))
