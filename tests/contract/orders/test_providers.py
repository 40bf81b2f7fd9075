"""Both adapters against a server that speaks the real protocols, and that shares no code with them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from prometheus_client import REGISTRY

from kit.errors import Fault, Kind
from kit.money import Money
from kit.settings import SettingsError
from services.orders.config import Config
from services.orders.providers.manual import Manual
from services.orders.providers.offered import offered
from services.orders.providers.port import (
    Charge,
    NoticeKind,
    Prepared,
    Provider,
    Scene,
    Standing,
    Status,
)
from tests.contract.orders.accounts import Account
from tests.support.builders.charges import charge, refunding
from tests.support.providers import providers_of
from tools.providers.exchange import FAULTS
from tools.providers.keys import Keys
from tools.providers.server import ProviderServer

# Alipay's answers say no time, so that none can be stale.
UNBELIEVABLE = [
    (name, fault) for name in ("WECHAT_PAY", "ALIPAY") for fault in FAULTS if (name, fault) != ("ALIPAY", "stale")
]


async def test_a_charge_is_opened_paid_and_asked_for(account: Account) -> None:
    made = await account.paid()
    standing = await account.provider.query(made.reference)
    paid = account.desk.ledger.find(made.reference).settled
    assert (standing.status, standing.amount) == (Status.SUCCEEDED, Money(1005, "CNY"))
    assert (standing.reference, standing.transaction) == (made.reference, paid.transaction)
    assert standing.pay_time == paid.time.replace(microsecond=0)
    assert standing.merchant in {account.provider.merchant, ""}


async def test_a_charge_that_nobody_knows_is_not_found(account: Account) -> None:
    assert await account.provider.query("nobody_knows") == Standing("nobody_knows", Status.NOT_FOUND)
    assert (await account.provider.query_refund("nobody_knows", "nobody_knows")).status is Status.NOT_FOUND
    await account.provider.close("nobody_knows")


async def test_a_closed_charge_stays_closed_however_often_it_is_closed(account: Account) -> None:
    made = charge(account.scene)
    await account.provider.prepare(made)
    if account.provider.name == "ALIPAY":
        account.desk.provider.scan(made.reference)  # type: ignore[union-attr]
    assert (await account.provider.query(made.reference)).status is Status.PENDING
    await account.provider.close(made.reference)
    await account.provider.close(made.reference)
    assert (await account.provider.query(made.reference)).status is Status.CLOSED


async def test_what_is_paid_cannot_be_closed(account: Account) -> None:
    made = await account.paid()
    with pytest.raises(Fault) as refused:
        await account.provider.close(made.reference)
    assert (refused.value.reason, refused.value.transient) == ("CHARGE_PAID", False)


class TestCashiers:
    """What each scene gives to the buyer's device."""

    async def test_jsapi_is_signed_so_that_wechat_opens(
        self, provider_server: ProviderServer, lasting_providers: Mapping[str, Provider]
    ) -> None:
        fields = (await self.prepared(lasting_providers, charge(Scene.JSAPI))).fields
        assert fields["package"].startswith("prepay_id=wx")
        text = "".join(f"{fields[name]}\n" for name in ("appId", "timeStamp", "nonceStr", "package"))
        provider_server.keys.wechat_merchant.verify(
            base64.b64decode(fields["paySign"]), text.encode(), PKCS1v15(), SHA256()
        )
        assert fields["signType"] == "RSA"

    async def test_native_is_a_code_and_h5_a_url_that_returns(self, lasting_providers: Mapping[str, Provider]) -> None:
        native = await self.prepared(lasting_providers, charge(Scene.NATIVE))
        assert native.fields["code_url"].startswith("weixin://")
        h5 = await self.prepared(lasting_providers, charge(Scene.H5))
        query = parse_qs(urlsplit(h5.fields["url"]).query)
        assert query["redirect_url"] == ["https://shop.example/done?a=1&b=2"]

    @pytest.mark.parametrize("scene", [Scene.PAGE, Scene.WAP])
    async def test_the_cashier_of_alipay_in_a_browser_is_a_url_that_it_believes(
        self, provider_server: ProviderServer, lasting_providers: Mapping[str, Provider], scene: Scene
    ) -> None:
        made = charge(scene)
        prepared = await self.prepared(lasting_providers, made)
        provider = lasting_providers["ALIPAY"]
        assert (await provider.query(made.reference)).status is Status.NOT_FOUND  # nobody went there yet
        provider_server.alipay.visit(prepared.fields["url"])
        assert (await provider.query(made.reference)).status is Status.PENDING
        with pytest.raises(ValueError, match="invalid-signature"):
            provider_server.alipay.visit(prepared.fields["url"].replace("10.05", "0.01"))
        await provider.aclose()

    @pytest.mark.parametrize(
        "made",
        [
            charge(Scene.PAGE),
            replace(charge(Scene.JSAPI), payer=""),
            replace(charge(Scene.H5), client_ip=""),
        ],
    )
    async def test_a_scene_that_lacks_something_is_refused(
        self, lasting_providers: Mapping[str, Provider], made: Charge
    ) -> None:
        with pytest.raises(Fault) as refused:
            await self.prepared(lasting_providers, made, name="WECHAT_PAY")
        assert refused.value.reason == "SCENE_UNSUPPORTED"

    @staticmethod
    async def prepared(providers: Mapping[str, Provider], made: Charge, *, name: str = "") -> Prepared:
        wechat = made.scene in {Scene.JSAPI, Scene.NATIVE, Scene.H5}
        provider = providers[name or ("WECHAT_PAY" if wechat else "ALIPAY")]
        try:
            return await provider.prepare(made)
        finally:
            await provider.aclose()


class TestCharges:
    @pytest.mark.parametrize("fen", [1, 9, 10, 99, 100, 101, 1999, 10_000_000])
    async def test_every_amount_arrives_to_the_fen(self, account: Account, fen: int) -> None:
        made = await account.paid(fen)
        assert account.desk.ledger.find(made.reference).amount == fen
        assert (await account.provider.query(made.reference)).amount == Money(fen, "CNY")

    async def test_opened_again_it_is_the_same_charge(self, account: Account) -> None:
        made = charge(account.scene)
        await account.provider.prepare(made)
        await account.provider.prepare(made)
        account.desk.pay(made.reference, tell=False)
        assert [trade.number for trade in account.desk.ledger.trades.values()] == [made.reference]

    async def test_other_money_than_yuan_is_refused(self, account: Account) -> None:
        made, dollar = charge(account.scene), Money(100, "USD")
        for call in (
            account.provider.prepare(replace(made, amount=dollar)),
            account.provider.refund(replace(refunding(made, "back_1", 1), amount=dollar)),
        ):
            with pytest.raises(Fault) as refused:
                await call
            assert refused.value.metadata["code"] == "CURRENCY_UNSUPPORTED"


class TestRefunds:
    async def test_refunds_in_parts_give_back_each_once(self, account: Account) -> None:
        made = await account.paid(1000)
        for reference, fen in [("back_1", 333), ("back_2", 667), ("back_1", 333)]:
            given = await account.provider.refund(refunding(made, f"{made.reference}_{reference}", fen))
            assert (given.status, given.amount) == (Status.SUCCEEDED, Money(fen, "CNY"))
            asked = await account.provider.query_refund(f"{made.reference}_{reference}", made.reference)
            assert (asked.status, asked.amount, asked.reference) == (given.status, given.amount, given.reference)
        assert account.desk.ledger.find(made.reference).refunded == 1000
        # All of it went back, and it was paid all the same.
        assert (await account.provider.query(made.reference)).status is Status.SUCCEEDED

    async def test_more_than_was_paid_is_refused_for_good(self, account: Account) -> None:
        made = await account.paid(1000)
        with pytest.raises(Fault) as refused:
            await account.provider.refund(refunding(made, f"{made.reference}_1", 1001))
        assert (refused.value.reason, refused.value.transient) == ("PROVIDER_REFUSED", False)

    async def test_a_refund_whose_answer_was_lost_is_given_once(self, account: Account) -> None:
        made = await account.paid(1000)
        account.desk.mischief.expect("refund", "lost")
        given = await account.provider.refund(refunding(made, f"{made.reference}_1", 400))
        assert (given.status, given.amount) == (Status.SUCCEEDED, Money(400, "CNY"))
        assert account.desk.ledger.find(made.reference).refunded == 400

    @pytest.mark.parametrize("account", ["WECHAT_PAY"], indirect=True)
    async def test_a_refund_under_way_and_one_that_failed(self, account: Account) -> None:
        made = await account.paid(1000)
        account.desk.ledger.refund_state = "processing"
        reference = f"{made.reference}_1"
        assert (await account.provider.refund(refunding(made, reference, 400))).status is Status.PENDING
        post = account.desk.settle(reference, state="failed", tell=False)
        assert (await account.provider.query_refund(reference, made.reference)).status is Status.FAILED
        notice = account.provider.read(post.headers, post.body, now=datetime.now(UTC))
        assert notice.kind is NoticeKind.REFUND
        assert notice.standing.status is Status.FAILED

    @pytest.mark.parametrize("account", ["ALIPAY"], indirect=True)
    async def test_alipay_that_moves_no_money_is_asked_again(self, account: Account) -> None:
        made = await account.paid(1000)
        account.desk.ledger.refund_state = "failed"
        with pytest.raises(Fault) as unknown:
            await account.provider.refund(refunding(made, f"{made.reference}_1", 400))
        assert unknown.value.transient
        account.desk.ledger.refund_state = "done"
        given = await account.provider.refund(refunding(made, f"{made.reference}_1", 400))
        assert given.status is Status.SUCCEEDED


class TestFaults:
    @pytest.mark.parametrize(("account", "fault"), UNBELIEVABLE, indirect=["account"])
    async def test_an_answer_that_cannot_be_believed_means_unknown(self, account: Account, fault: str) -> None:
        made = await account.paid()
        account.desk.mischief.expect("query", fault, times=2)
        with pytest.raises(Fault) as unknown:
            await account.provider.query(made.reference)
        assert (unknown.value.kind, unknown.value.transient) == (Kind.UNAVAILABLE, True)
        assert (await account.provider.query(made.reference)).status is Status.SUCCEEDED

    async def test_one_bad_answer_is_not_noticed(self, account: Account) -> None:
        made = await account.paid()
        account.desk.mischief.expect("query", "error")
        assert (await account.provider.query(made.reference)).status is Status.SUCCEEDED

    async def test_nobody_there_means_unknown(self, account: Account, provider_keys: Keys) -> None:
        provider = providers_of(provider_keys, "127.0.0.1:9")[account.provider.name]
        with pytest.raises(Fault) as unknown:
            await provider.query("anything")
        assert unknown.value.kind is Kind.UNAVAILABLE
        await provider.aclose()

    async def test_a_wrong_key_of_ours_is_mended_not_final(self, account: Account, provider_keys: Keys) -> None:
        wechat, alipay = provider_keys.folder / "wechat_pay", provider_keys.folder / "alipay"
        swapped = {
            "wechat_pay_key_file": str(alipay / "app_private_key.pem"),
            "alipay_key_file": str(wechat / "apiclient_key.pem"),
        }
        provider = providers_of(provider_keys, account.address, **swapped)[account.provider.name]
        with pytest.raises(Fault) as unknown:
            await provider.query("anything")
        assert unknown.value.kind is Kind.UNAVAILABLE
        await provider.aclose()

    async def test_calls_are_counted_and_nothing_personal_is_told(
        self, account: Account, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def count_of(outcome: str) -> float:
            labels = {"provider": account.provider.name, "call": "prepare", "outcome": outcome}
            return REGISTRY.get_sample_value("payment_provider_call_duration_seconds_count", labels) or 0

        before = {outcome: count_of(outcome) for outcome in ("ok", "unknown")}
        account.desk.mischief.expect("prepare", "error")
        made = charge(account.scene)
        await account.provider.prepare(made)
        assert {outcome: count_of(outcome) - n for outcome, n in before.items()} == {"ok": 1, "unknown": 1}
        said = "".join(capsys.readouterr())
        assert "did not answer" in said
        for secret in (made.payer, made.client_ip, "PRIVATE KEY", account.desk.provider.keys.wechat_secret):
            assert secret not in said
            assert secret not in repr(made)


class TestSettings:
    def test_without_an_account_only_manual_is_offered(self) -> None:
        config = Config.model_validate({"database_url": "postgresql://nobody@127.0.0.1/none", "keyring_file": "none"})
        assert list(offered(config)) == ["MANUAL"]

    @pytest.mark.parametrize("name", ["wechat_pay_serial", "alipay_platform_keys"])
    def test_half_an_account_stops_the_process(self, provider_keys: Keys, name: str) -> None:
        with pytest.raises(SettingsError, match=f"KEHU_{name.upper()}"):
            providers_of(provider_keys, **{name: ""})

    def test_a_file_that_is_not_there_is_named(self, provider_keys: Keys) -> None:
        with pytest.raises(SettingsError, match=r"/nowhere/key\.pem can't be read"):
            providers_of(provider_keys, alipay_key_file="/nowhere/key.pem")


async def test_by_hand_there_is_nobody_to_ask() -> None:
    manual = Manual()
    made = charge(Scene.NATIVE)
    assert (await manual.query("r")).status is Status.NOT_FOUND
    assert (await manual.query_refund("r", "c")).status is Status.NOT_FOUND
    assert (await manual.refund(refunding(made, "r", 1))).status is Status.SUCCEEDED
    assert await manual.bill(date(2026, 1, 1)) == []
    await manual.close("r")
    await manual.aclose()
    with pytest.raises(Fault, match="MANUAL"):
        await manual.prepare(made)
    with pytest.raises(Fault, match="it sends none"):
        manual.read({}, b"", now=datetime.now(UTC))
    assert (manual.accepted().status, manual.refused().status) == (204, 404)
