"""The keys of both sides, made at start: what a merchant would get from the platforms, file by file."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

MERCHANT = "1900000001"
APP = "wx0123456789abcdef"
SERIAL = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
PLATFORM = "PUB_KEY_ID_0119000000012026112200000001"
ALIPAY_APP = "2021000000000001"
ALIPAY_SELLER = "2088000000000001"
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Keys:
    """All keys, and the folder with the files that a merchant is given."""

    folder: Path
    wechat_platform: rsa.RSAPrivateKey
    wechat_merchant: rsa.RSAPublicKey
    wechat_secret: str
    alipay_platform: rsa.RSAPrivateKey
    alipay_app: rsa.RSAPublicKey
    stranger: rsa.RSAPrivateKey
    """Nobody's key, to forge with."""

    def settings(self, address: str, notices: str) -> dict[str, str]:
        """The settings of orders that lead to this server; `notices` is where its own notice URLs begin."""
        return {
            "KEHU_WECHAT_PAY_MERCHANT": MERCHANT,
            "KEHU_WECHAT_PAY_APP": APP,
            "KEHU_WECHAT_PAY_SERIAL": SERIAL,
            "KEHU_WECHAT_PAY_KEY_FILE": str(self.folder / "wechat_pay" / "apiclient_key.pem"),
            "KEHU_WECHAT_PAY_SECRET_FILE": str(self.folder / "wechat_pay" / "api_v3_key.txt"),
            "KEHU_WECHAT_PAY_PLATFORM_KEYS": str(self.folder / "wechat_pay" / "platform"),
            "KEHU_WECHAT_PAY_NOTICE_URL": f"{notices}/wechatPay",
            "KEHU_WECHAT_PAY_URL": f"http://{address}",
            "KEHU_ALIPAY_APP": ALIPAY_APP,
            "KEHU_ALIPAY_MERCHANT": ALIPAY_SELLER,
            "KEHU_ALIPAY_KEY_FILE": str(self.folder / "alipay" / "app_private_key.pem"),
            "KEHU_ALIPAY_PLATFORM_KEYS": str(self.folder / "alipay" / "platform"),
            "KEHU_ALIPAY_NOTICE_URL": f"{notices}/alipay",
            "KEHU_ALIPAY_URL": f"http://{address}/gateway.do",
        }


def generate(folder: Path) -> Keys:
    """Make every key anew and write the merchant's files."""
    merchant, platform, app, alipay, stranger = (_key() for _ in range(5))
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(32))
    _write(folder / "wechat_pay" / "apiclient_key.pem", _private(merchant))
    _write(folder / "wechat_pay" / "api_v3_key.txt", secret.encode())
    _write(folder / "wechat_pay" / "platform" / f"{PLATFORM}.pem", _public(platform))
    _write(folder / "alipay" / "app_private_key.pem", _private(app))
    _write(folder / "alipay" / "platform" / "alipay.pem", _public(alipay))
    return Keys(folder, platform, merchant.public_key(), secret, alipay, app.public_key(), stranger)


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _private(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _write(path: Path, text: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(text)
