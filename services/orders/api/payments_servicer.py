"""PaymentsService: each method is parse, call, render."""

from __future__ import annotations

from typing import Any

from google.api.httpbody_pb2 import HttpBody
from kehu.orders.v1 import payments_pb2 as pb
from kehu.orders.v1 import payments_pb2_grpc

from kit import names, org
from kit.page import Tokens
from kit.rpc import Edge, convert
from services.orders.api import payment_intent as wire
from services.orders.api.payment_notice import Notices
from services.orders.domain.errors import payments as errors
from services.orders.domain.errors.provider import scene_unsupported
from services.orders.domain.payment_intent import IntentCause, IntentState
from services.orders.usecases import order as order_usecases
from services.orders.usecases import payment_intent as intents
from services.orders.usecases import provider_refund as refunds
from services.orders.usecases import reconciliation
from services.orders.usecases.paying import Paying

STATUS_HEADER = "x-kehu-status"
"""The HTTP status of an answer in a provider's own form; the gateway puts it in the place of 200."""


class PaymentsServicer(payments_pb2_grpc.PaymentsServiceServicer):
    """The gRPC edge of payments by providers."""

    def __init__(self, edge: Edge[Any], tokens: Tokens, paying: Paying, notices: Notices) -> None:
        self._edge = edge
        self._tokens = tokens
        self._paying = paying
        self._notices = notices

    async def CreatePaymentIntent(self, request: pb.CreatePaymentIntentRequest, context: Any) -> pb.PaymentIntent:
        """Ask a provider to take what is outstanding; a repeat asks for the same intent once more."""
        provider = self._paying.provider(wire.provider_of(request))
        command = wire.creation(request, provider.merchant)
        if command.scene not in provider.scenes:
            raise scene_unsupported(provider.name, command.scene)
        if await self._edge.answered(request) is None:
            await self._edge.read(intents.check_due, command)
            await self._paying.close_all(command.order_id)
        made: pb.PaymentIntent = await self._edge.write(request, intents.create_intent, command, render=wire.intent)
        intent = await self._edge.read(intents.get_intent, *wire.intent_ids(made.name))
        order = await self._edge.read(order_usecases.get_order, intent.order)
        wanted = request.payment_intent
        prepared = await self._paying.prepare(
            intent, order.number, payer=wanted.payer, client_ip=wanted.client_ip, return_url=wanted.return_url
        )
        return wire.intent(prepared)

    async def GetPaymentIntent(self, request: pb.GetPaymentIntentRequest, context: Any) -> pb.PaymentIntent:
        """Read an intent."""
        return wire.intent(await self._edge.read(intents.get_intent, *wire.intent_ids(request.name)))

    async def ListPaymentIntents(
        self, request: pb.ListPaymentIntentsRequest, context: Any
    ) -> pb.ListPaymentIntentsResponse:
        """List intents."""
        page = convert.page_of(request, self._tokens)
        asked, part = (wire.parent(request.parent), wire.state(request)), org.parse(request.org)
        rows = await self._edge.read(intents.list_intents, *asked, page, org=part)
        token = convert.next_token(request, self._tokens, page, rows=rows, position=wire.intent_position)
        return pb.ListPaymentIntentsResponse(
            payment_intents=[wire.intent(row) for row in rows[: page.size]], next_page_token=token
        )

    async def CancelPaymentIntent(self, request: pb.CancelPaymentIntentRequest, context: Any) -> pb.PaymentIntent:
        """Make sure that an intent can't be paid any more; the same once more answers the same."""
        intent = await self._edge.read(intents.get_intent, *wire.intent_ids(request.name))
        if intent.pending:
            intent = await self._paying.close(intent, IntentCause.CANCELLED)
        if intent.state not in {IntentState.CLOSED, IntentState.FAILED}:
            raise errors.intent_state_invalid(intent.order, intent.id, intent.state)
        return wire.intent(intent)

    async def ResolvePaymentIntent(self, request: pb.ResolvePaymentIntentRequest, context: Any) -> pb.PaymentIntent:
        """Decide what becomes of the money of a parked intent."""
        resolved: pb.PaymentIntent = await self._edge.write(
            request, intents.resolve_intent, wire.resolution(request), render=wire.intent
        )
        self._paying.wake.set()
        return resolved

    async def ListProviderRefunds(
        self, request: pb.ListProviderRefundsRequest, context: Any
    ) -> pb.ListProviderRefundsResponse:
        """List money on its way back."""
        page = convert.page_of(request, self._tokens)
        asked, part = (wire.parent(request.parent), wire.refund_state(request)), org.parse(request.org)
        rows = await self._edge.read(refunds.list_refunds, *asked, page, org=part)
        token = convert.next_token(request, self._tokens, page, rows=rows, position=wire.refund_position)
        return pb.ListProviderRefundsResponse(
            provider_refunds=[wire.refund(row) for row in rows[: page.size]], next_page_token=token
        )

    async def RetryProviderRefund(self, request: pb.RetryProviderRefundRequest, context: Any) -> pb.ProviderRefund:
        """Have a refund that failed tried again."""
        retried: pb.ProviderRefund = await self._edge.write(
            request,
            lambda unit, ids: refunds.retry_refund(unit, *ids),
            wire.refund_ids(request.name),
            render=wire.refund,
        )
        self._paying.wake.set()
        return retried

    async def ListReconciliationReports(
        self, request: pb.ListReconciliationReportsRequest, context: Any
    ) -> pb.ListReconciliationReportsResponse:
        """List comparisons with bills."""
        page = convert.page_of(request, self._tokens)
        rows = await self._edge.read(reconciliation.list_reports, page)
        token = convert.next_token(request, self._tokens, page, rows=rows, position=wire.report_position)
        return pb.ListReconciliationReportsResponse(
            reconciliation_reports=[wire.report(row) for row in rows[: page.size]], next_page_token=token
        )

    async def ListReconciliationDifferences(
        self, request: pb.ListReconciliationDifferencesRequest, context: Any
    ) -> pb.ListReconciliationDifferencesResponse:
        """List what differs."""
        page = convert.page_of(request, self._tokens)
        rows = await self._edge.read(reconciliation.list_differences, page, resolved=request.show_resolved)
        token = convert.next_token(request, self._tokens, page, rows=rows, position=wire.difference_position)
        return pb.ListReconciliationDifferencesResponse(
            reconciliation_differences=[wire.difference(row) for row in rows[: page.size]], next_page_token=token
        )

    async def ResolveReconciliationDifference(
        self, request: pb.ResolveReconciliationDifferenceRequest, context: Any
    ) -> pb.ReconciliationDifference:
        """Keep how a difference is explained."""
        command = reconciliation.ResolveDifference(names.id_of("reconciliationDifferences", request.name), request.note)
        resolved: pb.ReconciliationDifference = await self._edge.write(
            request, reconciliation.resolve_difference, command, render=wire.difference
        )
        return resolved

    async def ReceiveWechatPayNotice(self, request: pb.ReceiveWechatPayNoticeRequest, context: Any) -> HttpBody:
        """Take a notice of WeChat Pay."""
        return await self._receive("WECHAT_PAY", request.notice, context)

    async def ReceiveAlipayNotice(self, request: pb.ReceiveAlipayNoticeRequest, context: Any) -> HttpBody:
        """Take a notice of Alipay."""
        return await self._receive("ALIPAY", request.notice, context)

    async def _receive(self, provider: str, notice: HttpBody, context: Any) -> HttpBody:
        headers = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        headers["content-type"] = notice.content_type
        reply = await self._notices.receive(provider, headers, notice.data)
        await context.send_initial_metadata(((STATUS_HEADER, str(reply.status)),))
        return HttpBody(content_type=reply.content_type, data=reply.body)
