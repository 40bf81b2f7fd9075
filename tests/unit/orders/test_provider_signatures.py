"""Who speaks for a provider: signatures made elsewhere hold, and nothing holds once a byte of it changed."""

from __future__ import annotations

import base64
import json
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from kit.errors import Fault
from services.orders.providers.alipay import signing as alipay
from services.orders.providers.keys import KeyUnusable, SigningKey, VerifyingKeys
from services.orders.providers.port import Notice, Provider
from services.orders.providers.wechat import signing as wechat
from tests.support.providers import providers_of
from tools.providers import keys as own_keys
from tools.providers.alipay import Alipay
from tools.providers.exchange import Post
from tools.providers.keys import Keys
from tools.providers.ledger import Payment, Trade
from tools.providers.wechat import WeChatPay

VECTORS = tomllib.loads((Path(__file__).parents[2] / "vectors/orders/provider_signatures.toml").read_text())
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
POSITION = st.floats(0, 1, exclude_max=True)
BIT = st.integers(0, 7)
quick = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def vector_keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[SigningKey, VerifyingKeys]:
    """The key of the vectors, as a merchant and as a provider would keep it."""
    folder = tmp_path_factory.mktemp("vectors")
    key = load_der_private_key(base64.b64decode(VECTORS["key"]), None)
    private = folder / "private_key"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "PUB_KEY_ID_1.pem").write_bytes(public)
    return SigningKey.load(str(private)), VerifyingKeys(str(folder))


class TestVectors:
    def test_we_sign_requests_to_wechat_pay_as_openssl_does(
        self, vector_keys: tuple[SigningKey, VerifyingKeys]
    ) -> None:
        signatures = wechat.Signatures("1900000001", "SERIAL", *vector_keys)
        vector = VECTORS["wechat_request"]
        assert signatures.sign(*vector["text"].removesuffix("\n").split("\n")) == vector["signature"]

    def test_we_sign_requests_to_alipay_as_openssl_does(self, vector_keys: tuple[SigningKey, VerifyingKeys]) -> None:
        signatures = alipay.Signatures(*vector_keys)
        vector = VECTORS["alipay_request"]
        parameters = dict(pair.split("=", 1) for pair in vector["text"].split("&"))
        shuffled = dict(reversed(parameters.items()))
        assert signatures.signed({**shuffled, "return_url": ""})["sign"] == vector["signature"]

    def test_answers_of_both_that_openssl_signed_hold(self, vector_keys: tuple[SigningKey, VerifyingKeys]) -> None:
        timestamp, nonce, body, _ = VECTORS["wechat_answer"]["text"].split("\n")
        headers = {
            "wechatpay-TIMESTAMP": timestamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Signature": VECTORS["wechat_answer"]["signature"],
            "Wechatpay-Serial": "PUB_KEY_ID_1",
        }
        moment = datetime.fromtimestamp(int(timestamp), UTC)
        wechat.Signatures("1900000001", "SERIAL", *vector_keys).verify(headers, body.encode(), now=moment)
        answer = VECTORS["alipay_answer"]
        alipay.Signatures(*vector_keys).check(answer["text"].encode(), answer["signature"])

    def test_a_resource_opens_that_was_sealed_by_another_implementation(self) -> None:
        key, nonce, text = b"0123456789abcdef0123456789abcdef", b"fdasflkja484", '{"茶": 1}'.encode()
        sealed = gcm_seal(key, nonce, text, b"transaction")
        assert wechat.opened(resource(nonce, sealed), key) == text

    def test_that_other_implementation_is_right(self) -> None:
        # Test case 16 of the specification of GCM (McGrew, Viega).
        key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
        text = bytes.fromhex(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
        )
        associated = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
        sealed = gcm_seal(key, bytes.fromhex("cafebabefacedbaddecaf888"), text, associated)
        assert sealed.hex().startswith("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa")
        assert sealed.hex().endswith("76fc6ece0f4e1768cddf8853bb2d551b")


@pytest.fixture(scope="module")
def notices(provider_keys: Keys) -> Mapping[str, tuple[Provider, Post]]:
    """A genuine notice of each provider, and the adapter that believes it."""
    providers = providers_of(provider_keys)
    now = datetime.now(UTC)
    trade = Trade("test_1", 1005, "茶", "native", "https://shop.example", None, now)
    payment = Payment("4200000000000001", 1005, now)
    trade.payments.append(payment)
    return {
        "WECHAT_PAY": (providers["WECHAT_PAY"], WeChatPay(provider_keys).payment_notice(trade, payment)),
        "ALIPAY": (providers["ALIPAY"], Alipay(provider_keys).payment_notice(trade, payment)),
    }


def read(provider: Provider, headers: Mapping[str, str], body: bytes) -> Notice | None:
    """The notice, or None if it is refused as it must be."""
    try:
        return provider.read(headers, body, now=datetime.now(UTC))
    except Fault as fault:
        return None if fault.reason == "NOTICE_INVALID" else pytest.fail(f"{fault!r}")


def meaning(form: bytes) -> list[tuple[str, str]]:
    return parse_qsl(form.decode("latin-1"), keep_blank_values=True, errors="surrogateescape")


def flipped(data: bytes, position: float, bit: int) -> bytes:
    at = int(position * len(data))
    return data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]


class TestTampering:
    @pytest.mark.parametrize("name", ["WECHAT_PAY", "ALIPAY"])
    def test_a_genuine_notice_is_read(self, notices: Mapping[str, tuple[Provider, Post]], name: str) -> None:
        provider, post = notices[name]
        notice = read(provider, post.headers, post.body)
        assert notice is not None
        assert notice.standing.reference == "test_1"
        assert notice.merchant == provider.merchant

    @quick
    @given(POSITION, BIT)
    def test_no_byte_of_a_notice_of_wechat_pay_may_change(
        self, notices: Mapping[str, tuple[Provider, Post]], position: float, bit: int
    ) -> None:
        provider, post = notices["WECHAT_PAY"]
        assert read(provider, post.headers, flipped(post.body, position, bit)) is None

    @quick
    @given(st.sampled_from(["Timestamp", "Nonce", "Signature", "Serial"]), POSITION, BIT)
    @example("Signature", 0.994, 0)  # the last letter that carries bits: its spare ones must be nought
    @example("Signature", 0.994, 3)
    def test_no_byte_of_the_headers_of_wechat_pay_may_change(
        self, notices: Mapping[str, tuple[Provider, Post]], header: str, position: float, bit: int
    ) -> None:
        provider, post = notices["WECHAT_PAY"]
        name = f"Wechatpay-{header}"
        changed = flipped(post.headers[name].encode(), position, bit).decode("latin-1")
        assert read(provider, {**post.headers, name: changed}, post.body) is None

    @quick
    @given(POSITION, BIT)
    def test_no_byte_of_a_notice_of_alipay_may_change_its_meaning(
        self, notices: Mapping[str, tuple[Provider, Post]], position: float, bit: int
    ) -> None:
        provider, post = notices["ALIPAY"]
        changed = flipped(post.body, position, bit)
        # `%2B` and `%2b` are the same letter.
        assume(meaning(changed) != meaning(post.body))
        assert read(provider, {}, changed) is None

    @pytest.mark.parametrize("header", ["Timestamp", "Nonce", "Signature", "Serial"])
    def test_every_header_of_wechat_pay_must_be_there(
        self, notices: Mapping[str, tuple[Provider, Post]], header: str
    ) -> None:
        provider, post = notices["WECHAT_PAY"]
        left = {name: value for name, value in post.headers.items() if name != f"Wechatpay-{header}"}
        assert read(provider, left, post.body) is None

    @pytest.mark.parametrize("body", [b"", b"&", b"a=1&a=2&sign_type=RSA2&sign=AA==", b"sign_type=RSA2", b"\xff=1"])
    def test_a_form_that_is_none_is_refused(self, notices: Mapping[str, tuple[Provider, Post]], body: bytes) -> None:
        assert read(notices["ALIPAY"][0], {}, body) is None

    @quick
    @given(st.binary(max_size=300))
    def test_noise_is_refused(self, notices: Mapping[str, tuple[Provider, Post]], body: bytes) -> None:
        for provider, post in notices.values():
            assert read(provider, post.headers, body) is None

    def test_the_resource_must_be_sealed_for_what_it_says_it_is(self) -> None:
        key, nonce = b"0123456789abcdef0123456789abcdef", b"fdasflkja484"
        sealed = gcm_seal(key, nonce, b"{}", b"refund")
        with pytest.raises(wechat.NotProven):
            wechat.opened(resource(nonce, sealed), key)
        with pytest.raises(wechat.NotProven):
            wechat.opened({**resource(nonce, sealed), "algorithm": "AES"}, key)


class TestKeys:
    def test_a_new_key_is_believed_without_a_restart_and_an_old_one_until_it_goes(self, tmp_path: Path) -> None:
        made = own_keys.generate(tmp_path)
        folder = tmp_path / "wechat_pay" / "platform"
        keys = VerifyingKeys(str(folder))
        pem = made.stranger.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        post = WeChatPay(made).signed_post("", b"{}", key=made.stranger)
        headers = {**post.headers, "Wechatpay-Serial": "PUB_KEY_ID_2"}
        signatures = wechat.Signatures("1", "2", SigningKey.load(str(tmp_path / "wechat_pay/apiclient_key.pem")), keys)
        with pytest.raises(wechat.NotProven):
            signatures.verify(headers, b"{}", now=datetime.now(UTC))
        (folder / "PUB_KEY_ID_2.pem").write_bytes(pem)
        signatures.verify(headers, b"{}", now=datetime.now(UTC))
        old = WeChatPay(made).signed_post("", b"{}")
        signatures.verify(old.headers, b"{}", now=datetime.now(UTC))
        assert keys.ids == [own_keys.PLATFORM, "PUB_KEY_ID_2"]

    def test_a_key_half_written_disturbs_nothing(self, tmp_path: Path) -> None:
        made = own_keys.generate(tmp_path)
        folder = tmp_path / "alipay" / "platform"
        keys = VerifyingKeys(str(folder))
        (folder / "new.pem").write_text("-----BEGIN PUBLIC KEY-----\nMII")
        assert not keys.any_verifies(b"text", b"signature")
        signatures = alipay.Signatures(SigningKey.load(str(tmp_path / "alipay/app_private_key.pem")), keys)
        assert signatures.form(Alipay(made).notice("", {"a": "茶 1"}).body)["a"] == "茶 1"

    def test_a_platform_certificate_is_known_by_its_serial_number(self, tmp_path: Path, provider_keys: Keys) -> None:
        key, number = provider_keys.wechat_platform, 0x05AB
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tenpay.com")])
        made = x509.CertificateBuilder(
            issuer_name=name,
            subject_name=name,
            public_key=key.public_key(),
            serial_number=number,
            not_valid_before=NOW,
            not_valid_after=NOW + timedelta(days=1),
        )
        (tmp_path / "any.pem").write_bytes(made.sign(key, SHA256()).public_bytes(Encoding.PEM))
        keys = VerifyingKeys(str(tmp_path))
        assert keys.ids == ["05AB"]
        assert keys.verifies("05AB", b"text", key.sign(b"text", PKCS1v15(), SHA256()))

    def test_a_key_that_is_too_short_is_not_used(self, tmp_path: Path) -> None:
        short = generate_private_key(public_exponent=65537, key_size=1024)
        path = tmp_path / "short.pem"
        path.write_bytes(short.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        with pytest.raises(KeyUnusable, match="2048"):
            SigningKey.load(str(path))

    def test_a_file_that_is_no_key_is_named_and_not_shown(self, tmp_path: Path) -> None:
        path = tmp_path / "secret.pem"
        path.write_text("swordfish")
        for load in (SigningKey.load, lambda name: VerifyingKeys(str(Path(name).parent))):
            with pytest.raises(KeyUnusable) as unusable:
                load(str(path))
            assert "secret.pem" in str(unusable.value)
            assert "swordfish" not in str(unusable.value)


@quick
@given(
    st.dictionaries(st.text(max_size=5), st.none() | st.text() | st.integers() | st.lists(st.text(max_size=5))),
    st.sampled_from([None, 1]),
)
def test_the_members_of_an_answer_are_the_very_text_that_was_signed(
    document: dict[str, Any], indent: int | None
) -> None:
    assume(document)
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    members = alipay.raw_members(text)
    assert {name: json.loads(value) for name, value in members.items()} == document
    assert all(value in text for value in members.values())


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"a":1', '{"a":1}{"b":2}', '{"a":1,"a":2}', "{1:2}", '{"a" 1}'])
def test_an_answer_that_is_not_one_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        alipay.raw_members(text)


def resource(nonce: bytes, sealed: bytes) -> dict[str, str]:
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "nonce": nonce.decode(),
        "associated_data": "transaction",
        "ciphertext": base64.b64encode(sealed).decode(),
    }


def gcm_seal(key: bytes, nonce: bytes, text: bytes, associated: bytes) -> bytes:
    """AES-256-GCM by the book (NIST SP 800-38D), from nothing but the block cipher."""

    def block(data: bytes) -> bytes:
        encryptor = Cipher(algorithms.AES256(key), modes.ECB()).encryptor()
        return encryptor.update(data)

    def times(x: int, y: int) -> int:
        product = 0
        for shift in range(127, -1, -1):
            if x >> shift & 1:
                product ^= y
            y = (y >> 1) ^ (0xE1 << 120 if y & 1 else 0)
        return product

    hashing = int.from_bytes(block(bytes(16)))
    padded = [data + bytes(-len(data) % 16) for data in (associated, b"")]
    stream = b"".join(block(nonce + (2 + n).to_bytes(4)) for n in range(-(-len(text) // 16)))
    sealed = bytes(a ^ b for a, b in zip(text, stream, strict=False))
    padded[1] = sealed + bytes(-len(sealed) % 16)
    lengths = (len(associated) * 8).to_bytes(8) + (len(sealed) * 8).to_bytes(8)
    tag = 0
    message = b"".join(padded) + lengths
    for start in range(0, len(message), 16):
        tag = times(tag ^ int.from_bytes(message[start : start + 16]), hashing)
    mask = int.from_bytes(block(nonce + (1).to_bytes(4)))
    return sealed + (tag ^ mask).to_bytes(16)
