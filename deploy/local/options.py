"""What the caller may choose about the suite on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.local.folder import PROJECT, Folder
from deploy.local.problem import Problem
from kit.settings import PREFIX, unknown


class Options(BaseSettings):
    """Read from `KEHU_*`; anything else that begins with KEHU_ is handed on to the services."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore")

    run_folder: Path = Field(PROJECT / ".run", description="Where data, logs and keys are kept.")
    gateway_port: int = Field(8080, ge=0, le=65535, description="The gateway's port on loopback; 0: any free one.")
    gateway_tls_port: int = Field(
        0, ge=0, le=65535, description="Another port of it, over TLS with a certificate of its own making; 0: none."
    )
    postgres_url: str = Field("", description="An existing server, as a role that may create roles and databases.")
    broker_url: str = Field("", description="An existing RabbitMQ: amqp://user:password@host:port/vhost.")
    otlp_endpoint: str = Field("", description="OTLP over HTTP for traces; the services read it too.")
    quick_deaths: int = Field(
        5, ge=0, description="How often in a row a process may die soon after its start before the suite gives up."
    )
    trace_ratio: float = Field(0.01, ge=0, le=1, description="Share of the traces started at the gateway.")

    @property
    def folder(self) -> Folder:
        """Where everything lies."""
        return Folder(self.run_folder.resolve())


def read() -> Options:
    """The options of this environment. A Problem names each that can't be used, and each name that nothing reads."""
    if strange := unknown(os.environ, Options.model_fields):
        told = "; ".join(f"{name}, perhaps {meant} is meant" if meant else name for name, meant in strange.items())
        raise Problem(f"Nothing reads these settings: {told}.")
    try:
        return Options()
    except ValidationError as error:
        wrong = "; ".join(f"{PREFIX}{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors(include_input=False))
        raise Problem(f"These settings can't be used: {wrong}.") from None
