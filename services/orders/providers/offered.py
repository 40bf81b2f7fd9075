"""Which providers this deployment has: those whose merchant account stands in the settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kit.clock import Clock, utc_now
from kit.settings import SettingsError
from services.orders.config import Config
from services.orders.providers.alipay import adapter as alipay_adapter
from services.orders.providers.alipay import signing as alipay_signing
from services.orders.providers.calling import Line
from services.orders.providers.keys import KeyUnusable, SigningKey, VerifyingKeys, load_secret
from services.orders.providers.manual import Manual
from services.orders.providers.port import Provider
from services.orders.providers.wechat import adapter as wechat_adapter
from services.orders.providers.wechat import signing as wechat_signing

_API_V3_KEY_SIZE = 32


def offered(config: Config, clock: Clock = utc_now) -> Mapping[str, Provider]:
    """The providers by the tender that each stands for. Raises SettingsError if an account is there by halves."""
    try:
        return {provider.name: provider for provider in _offered(config, clock)}
    except KeyUnusable as unusable:
        raise SettingsError(f"The settings can't be used. {unusable}") from None


def _offered(config: Config, clock: Clock) -> Iterator[Provider]:
    yield Manual(clock)
    if _complete(config, "wechat_pay"):
        yield _wechat_pay(config, clock)
    if _complete(config, "alipay"):
        yield _alipay(config, clock)


def _complete(config: Config, prefix: str) -> bool:
    """Whether the account is there at all; half of one is a mistake that must not wait for the first buyer."""
    given = {name: value for name, value in config.model_dump().items() if name.startswith(f"{prefix}_")}
    missing = [f"KEHU_{name.upper()}" for name, value in given.items() if not value]
    started = [name for name in given if name != f"{prefix}_url" and given[name]]
    if started and missing:
        raise SettingsError(f"The settings can't be used. {', '.join(missing)}: needed beside {started[0].upper()}")
    return bool(started)


def _wechat_pay(config: Config, clock: Clock) -> Provider:
    signatures = wechat_signing.Signatures(
        merchant=config.wechat_pay_merchant,
        serial=config.wechat_pay_serial,
        key=SigningKey.load(config.wechat_pay_key_file),
        platform=VerifyingKeys(config.wechat_pay_platform_keys),
    )
    account = wechat_adapter.Account(
        merchant=config.wechat_pay_merchant,
        app=config.wechat_pay_app,
        secret=load_secret(config.wechat_pay_secret_file, _API_V3_KEY_SIZE),
        notice_url=config.wechat_pay_notice_url,
        url=config.wechat_pay_url.rstrip("/"),
    )
    line = Line(wechat_adapter.NAME, timeout=config.provider_timeout.total_seconds())
    return wechat_adapter.WeChatPay(account, signatures, line, clock)


def _alipay(config: Config, clock: Clock) -> Provider:
    signatures = alipay_signing.Signatures(
        key=SigningKey.load(config.alipay_key_file), platform=VerifyingKeys(config.alipay_platform_keys)
    )
    account = alipay_adapter.Account(
        app=config.alipay_app,
        merchant=config.alipay_merchant,
        notice_url=config.alipay_notice_url,
        url=config.alipay_url,
    )
    line = Line(alipay_adapter.NAME, timeout=config.provider_timeout.total_seconds())
    return alipay_adapter.Alipay(account, signatures, line, clock)
