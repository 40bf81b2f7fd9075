"""Which shops' orders this deployment pulls: those that its file of channels names, each with its account."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from kit.clock import Clock, utc_now
from kit.settings import SettingsError
from services.orders import metrics
from services.orders.providers.calling import Line
from services.orders.providers.wangdiantong.adapter import NAME, WangDianTong
from services.orders.providers.wangdiantong.signing import Account


class Channel(BaseModel):
    """A shop's account on its platform. `secret_file` holds the application's secret, as `secret:salt`; `since` is from
    when on its orders are pulled."""

    model_config = ConfigDict(extra="forbid")

    platform: str = Field(pattern=f"^{NAME}$")
    url: str = Field(pattern="^https?://")
    sid: str = Field(min_length=1)
    key: str = Field(min_length=1)
    secret_file: str
    shop: str = Field(min_length=1)
    since: datetime


@dataclass(frozen=True, slots=True)
class Pulled:
    """A shop whose orders are pulled."""

    platform: WangDianTong
    since: datetime


def pulled(file: str, *, timeout: float, clock: Clock = utc_now) -> Mapping[str, Pulled]:
    """The shops by their codes; none without a file. Raises SettingsError for a file that makes no sense."""
    if not file:
        return {}
    try:
        channels = TypeAdapter(dict[str, Channel]).validate_python(_json(file))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise SettingsError(f"The file of channels can't be used. {wrong}") from None
    return {code: Pulled(_platform(channel, timeout, clock), channel.since) for code, channel in channels.items()}


def _json(file: str) -> Any:
    try:
        return json.loads(Path(file).read_text())
    except (OSError, ValueError) as error:
        raise SettingsError(f"The file of channels can't be read: {error}") from None


def _platform(channel: Channel, timeout: float, clock: Clock) -> WangDianTong:
    try:
        secret, _, salt = Path(channel.secret_file).read_text().strip().partition(":")
    except OSError as error:
        raise SettingsError(f"The secret of a channel can't be read: {error}") from None
    if not secret or not salt:
        raise SettingsError("The secret of a channel must be of the form secret:salt")
    if channel.since.tzinfo is None:
        raise SettingsError("`since` of a channel needs an offset, such as 2026-01-01T00:00:00+08:00")
    # A round that fails is made again later: no attempt is repeated at once.
    line = Line(NAME, timeout=timeout, attempts=1, calls=metrics.CHANNEL_CALLS)
    account = Account(channel.sid, channel.key, secret, salt)
    return WangDianTong(account, url=channel.url, shop=channel.shop, line=line, clock=clock)
