"""How WeChat Pay v3 proves who speaks: RSA over lines of text, both ways, and AES-GCM around what a notice says."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.orders.providers.keys import SigningKey, VerifyingKeys
from services.orders.providers.port import Headers

SCHEME = "WECHATPAY2-SHA256-RSA2048"
WINDOW = timedelta(minutes=5)
"""How far the clocks of the two may differ; older signatures count as replayed."""
_ALGORITHM = "AEAD_AES_256_GCM"


class NotProven(ValueError):
    """WeChat Pay did not say this, or not now. Says why."""


@dataclass(frozen=True, slots=True)
class Signatures:
    """The two sides of one merchant account."""

    merchant: str
    serial: str
    """Of the merchant's own certificate, so that WeChat Pay knows which key we sign with."""
    key: SigningKey
    platform: VerifyingKeys

    def authorization(self, method: str, target: str, body: bytes, *, now: datetime) -> str:
        """The Authorization header of a request; `target` is its path with its query."""
        timestamp, nonce = str(int(now.timestamp())), secrets.token_hex(16).upper()
        signature = self.sign(method, target, timestamp, nonce, body)
        return (
            f'{SCHEME} mchid="{self.merchant}",nonce_str="{nonce}",signature="{signature}",'
            f'timestamp="{timestamp}",serial_no="{self.serial}"'
        )

    def sign(self, *lines: str | bytes) -> str:
        """The signature over the lines, in Base64."""
        return base64.b64encode(self.key.sign(_joined(*lines))).decode()

    def verify(self, headers: Headers, body: bytes, *, now: datetime) -> None:
        """Check that WeChat Pay signed the body within the last minutes. Raises NotProven."""
        given = {name.lower(): value for name, value in headers.items()}
        try:
            timestamp, nonce = given["wechatpay-timestamp"], given["wechatpay-nonce"]
            signature, serial = given["wechatpay-signature"], given["wechatpay-serial"]
        except KeyError as error:
            raise NotProven(f"the header {error.args[0]} is missing") from None
        if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12 or not nonce:
            raise NotProven("the timestamp or the nonce has no valid form")
        if abs(now.timestamp() - int(timestamp)) > WINDOW.total_seconds():
            raise NotProven("the timestamp is more than five minutes off")
        if not self.platform.verifies(serial, _joined(timestamp, nonce, body), _decoded(signature)):
            raise NotProven("the signature is not of a known key")


def opened(resource: object, secret: bytes) -> bytes:
    """What a notice's `resource` says, decrypted with the APIv3 key. Raises NotProven."""
    match resource:
        case {
            "algorithm": "AEAD_AES_256_GCM",
            "nonce": str() as nonce,
            "ciphertext": str() as ciphertext,
            **rest,
        }:
            associated = rest.get("associated_data") or ""
        case _:
            raise NotProven(f"the resource is not sealed by {_ALGORITHM}")
    try:
        return AESGCM(secret).decrypt(nonce.encode(), _decoded(ciphertext), str(associated).encode())
    except (InvalidTag, ValueError):
        raise NotProven("the resource was not sealed with our APIv3 key") from None


def _joined(*lines: str | bytes) -> bytes:
    return b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines)


def _decoded(text: str) -> bytes:
    """Base64 in the one form that it is made in: no second spelling of the same bytes."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise NotProven("what should be Base64 is not") from None
    if base64.b64encode(data).decode() != text:
        raise NotProven("what should be Base64 is not")
    return data
