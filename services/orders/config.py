"""The settings of orders."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from kit.settings import Currency, Settings
from services.orders.domain.payment import Tender


class Config(Settings):
    """What orders needs beside the settings of every service."""

    peers_campaigns: str = Field("127.0.0.1:0", description="Where campaigns answers gRPC, host:port.")
    peers_members: str = Field("127.0.0.1:0", description="Where members answers gRPC, host:port.")
    keyring_file: str = Field(
        description="Keys (JSON) that seal addresses, and make the secrets of guests' carts; see SECURITY.md."
    )
    pay_within: timedelta = Field(
        timedelta(minutes=15), gt=timedelta(0), description="How long an order waits for its payment (ISO 8601)."
    )
    refund_limits: dict[Currency, Annotated[int, Field(ge=0)]] = Field(
        default_factory=dict,
        description="What may be given back of an order, points at their worth, before somebody else approves: minor "
        "units by currency (JSON).",
    )
    refund_policy: tuple[Tender, ...] = Field(
        (), description="Tenders that get their money back first (JSON list); none: all in proportion."
    )
    provider_timeout: timedelta = Field(
        timedelta(seconds=5), gt=timedelta(0), description="How long one attempt to call a payment provider may take."
    )
    channels_file: str = Field(
        "", description="Shops on other platforms whose orders are pulled (JSON), see channels.md; empty: none."
    )
    wechat_pay_merchant: str = Field("", description="WeChat Pay: merchant number (mchid); empty: not offered.")
    wechat_pay_app: str = Field("", description="WeChat Pay: app id of the official account or mini programme.")
    wechat_pay_serial: str = Field("", description="WeChat Pay: serial number of the merchant's own certificate.")
    wechat_pay_key_file: str = Field("", description="WeChat Pay: private key of that certificate (apiclient_key.pem).")
    wechat_pay_secret_file: str = Field("", description="WeChat Pay: the APIv3 key, 32 characters.")
    wechat_pay_platform_keys: str = Field(
        "", description="WeChat Pay: folder of its public keys (<id>.pem) and platform certificates; see payments.md."
    )
    wechat_pay_notice_url: str = Field("", description="WeChat Pay: where it sends its notices, https, no query.")
    wechat_pay_url: str = Field("https://api.mch.weixin.qq.com", description="WeChat Pay: where it answers.")
    alipay_app: str = Field("", description="Alipay: app id; empty: not offered.")
    alipay_merchant: str = Field("", description="Alipay: user id of the merchant who is paid (2088...).")
    alipay_key_file: str = Field("", description="Alipay: private key of the app (PEM).")
    alipay_platform_keys: str = Field("", description="Alipay: folder of its public keys (*.pem), old and new.")
    alipay_notice_url: str = Field("", description="Alipay: where it sends its notices, https, no query.")
    alipay_url: str = Field("https://openapi.alipay.com/gateway.do", description="Alipay: its gateway.")
