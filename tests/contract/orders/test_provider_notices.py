"""What both providers tell by themselves, in notices and bills, by a server that speaks their real protocols."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qsl

import pytest

from kit.errors import Fault, Kind
from kit.money import Money
from services.orders.providers.port import (
    NoticeKind,
    RefundStanding,
    Standing,
    Status,
)
from services.orders.providers.times import today
from tests.contract.orders.accounts import Account
from tests.support.builders.charges import charge, refunding
from tools.providers.alipay import Alipay
from tools.providers.desk import FORGERIES
from tools.providers.exchange import Asked, Told
from tools.providers.wechat import WeChatPay


class TestNotices:
    async def test_a_payment_is_told_again_and_again_by_the_same_id(self, account: Account) -> None:
        made = charge(account.scene)
        await account.provider.prepare(made)
        post = account.desk.pay(made.reference, tell=False)
        now = datetime.now(UTC)
        notice, again = (account.provider.read(post.headers, post.body, now=now) for _ in range(2))
        assert notice == again
        assert notice.id
        assert (notice.kind, notice.merchant) == (NoticeKind.PAYMENT, account.provider.merchant)
        paid = account.desk.ledger.find(made.reference).settled
        assert notice.standing == Standing(
            made.reference,
            Status.SUCCEEDED,
            paid.transaction,
            made.amount,
            account.provider.merchant,
            paid.time.replace(microsecond=0),
        )

    async def test_a_refund_is_told_by_its_own_reference(self, account: Account) -> None:
        made = await account.paid(1000)
        reference = f"{made.reference}_1"
        await account.provider.refund(refunding(made, reference, 400))
        post = account.desk.settle(reference, tell=False)
        notice = account.provider.read(post.headers, post.body, now=datetime.now(UTC))
        assert isinstance(notice.standing, RefundStanding)
        assert (notice.kind, notice.standing.reference) == (NoticeKind.REFUND, reference)
        assert notice.standing.status is Status.SUCCEEDED
        # Alipay tells only the sum of all refunds.
        assert notice.standing.amount == (Money(400, "CNY") if account.provider.name == "WECHAT_PAY" else None)

    async def test_what_was_paid_is_told_as_it_was_paid_not_as_it_was_asked(self, account: Account) -> None:
        made = charge(account.scene)
        await account.provider.prepare(made)
        first = account.desk.pay(made.reference, amount=1, tell=False)
        second = account.desk.pay(made.reference, anyway=True, tell=False)
        told = [account.provider.read(post.headers, post.body, now=datetime.now(UTC)) for post in (first, second)]
        assert [notice.standing.amount for notice in told] == [Money(1, "CNY"), made.amount]
        assert len({notice.standing.transaction for notice in told}) == len({notice.id for notice in told}) == 2

    @pytest.mark.parametrize("how", FORGERIES)
    async def test_a_forged_notice_is_refused(self, account: Account, how: str) -> None:
        made = charge(account.scene)
        await account.provider.prepare(made)
        post = account.desk.forge(account.desk.pay(made.reference, tell=False), how)
        with pytest.raises(Fault) as refused:
            account.provider.read(post.headers, post.body, now=datetime.now(UTC))
        assert refused.value.reason == "NOTICE_INVALID"

    async def test_a_notice_grows_old(self, account: Account) -> None:
        made = charge(account.scene)
        await account.provider.prepare(made)
        post = account.desk.pay(made.reference, tell=False)
        limit = timedelta(minutes=5) if account.provider.name == "WECHAT_PAY" else timedelta(hours=26)
        now = datetime.now(UTC)
        account.provider.read(post.headers, post.body, now=now + limit - timedelta(seconds=5))
        for later in (limit + timedelta(seconds=5), -timedelta(minutes=5, seconds=5)):
            with pytest.raises(Fault):
                account.provider.read(post.headers, post.body, now=now + later)

    @pytest.mark.parametrize("account", ["WECHAT_PAY"], indirect=True)
    @pytest.mark.parametrize(
        ("event", "told"), [("COUPON.USE", {}), ("TRANSACTION.SUCCESS", {}), ("REFUND.SUCCESS", {"refund_status": "?"})]
    )
    def test_what_wechat_pay_says_and_we_do_not_know_is_refused(
        self, account: Account, event: str, told: dict[str, str]
    ) -> None:
        server = account.desk.provider
        assert isinstance(server, WeChatPay)
        post = server.notice("", event, "transaction", told)
        with pytest.raises(Fault, match="nothing that we know"):
            account.provider.read(post.headers, post.body, now=datetime.now(UTC))

    @pytest.mark.parametrize("account", ["ALIPAY"], indirect=True)
    @pytest.mark.parametrize(
        ("changed", "cause"),
        [
            ({"app_id": "2021000000000009"}, "another app"),
            ({"trade_status": "TRADE_DREAMT"}, "nothing that we know"),
            ({"notify_id": ""}, "nothing that we know"),
            ({"total_amount": "10.005"}, "nothing that we know"),
        ],
    )
    async def test_what_alipay_says_and_we_do_not_know_is_refused(
        self, account: Account, changed: dict[str, str], cause: str
    ) -> None:
        made = await account.paid()
        server = account.desk.provider
        assert isinstance(server, Alipay)
        form = dict(parse_qsl(account.desk.notices[-1].body.decode()))
        del form["sign"], form["sign_type"]
        post = server.notice("", {**form, **changed})
        with pytest.raises(Fault, match=cause):
            account.provider.read(post.headers, post.body, now=datetime.now(UTC))
        assert form["out_trade_no"] == made.reference

    def test_the_answers_to_notices_are_those_that_the_providers_want(self, account: Account) -> None:
        accepts = account.desk.courier.accepts
        accepted, refused = account.provider.accepted(), account.provider.refused()
        assert accepts(accepted.status, accepted.body)
        assert not accepts(refused.status, refused.body)


class TestBills:
    async def test_a_bill_lists_what_moved(self, account: Account) -> None:
        made = await account.paid(1000)
        reference = f"{made.reference}_1"
        await account.provider.refund(refunding(made, reference, 333))
        trade = account.desk.ledger.find(made.reference)
        lines = await account.provider.bill(today(datetime.now(UTC)))
        assert [(line.kind, line.reference, line.charge_reference, line.amount.minor) for line in lines] == [
            (NoticeKind.PAYMENT, made.reference, made.reference, 1000),
            (NoticeKind.REFUND, reference, made.reference, 333),
        ]
        assert lines[0].transaction == trade.settled.transaction

    async def test_half_a_bill_is_no_bill(self, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
        await account.paid()
        monkeypatch.setattr(type(account.desk.provider), "table", lambda *_: b"\xef\xbb\xbfhalf")
        with pytest.raises(Fault) as unknown:
            await account.provider.bill(today(datetime.now(UTC)))
        assert unknown.value.kind is Kind.UNAVAILABLE

    @pytest.mark.parametrize("account", ["WECHAT_PAY"], indirect=True)
    async def test_our_signature_goes_to_no_other_host(self, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
        await account.paid()
        answer = WeChatPay.answer

        def astray(server: WeChatPay, asked: Asked) -> Told | None:
            return answer(server, replace(asked, headers={**asked.headers, "host": "elsewhere.example"}))

        monkeypatch.setattr(WeChatPay, "answer", astray)
        assert len(await account.provider.bill(today(datetime.now(UTC)))) == 1

    async def test_a_day_on_which_nothing_moved_has_an_empty_bill(self, account: Account) -> None:
        assert await account.provider.bill(date(2026, 1, 1)) == []

    async def test_a_bill_that_is_not_there_before_it_is_due_says_nothing(self, account: Account) -> None:
        with pytest.raises(Fault) as unknown:
            await account.provider.bill(today(datetime.now(UTC)))
        assert unknown.value.kind is Kind.UNAVAILABLE
