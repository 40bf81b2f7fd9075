"""Members, as checkout sees it: points, stored value and gift cards that pay a part of an order.

Whatever is held goes under a number of its own that follows from the order's: asked once more, members answers what it
holds already, and never holds twice.
"""

from __future__ import annotations

from uuid import UUID

from google.protobuf.duration_pb2 import Duration
from kehu.members.v1 import gift_cards_pb2, members_pb2, programmes_pb2, stored_value_pb2
from kehu.members.v1.gift_cards_pb2_grpc import GiftCardServiceStub
from kehu.members.v1.members_pb2_grpc import MembersServiceStub
from kehu.members.v1.programmes_pb2_grpc import ProgrammesServiceStub
from kehu.members.v1.stored_value_pb2_grpc import StoredValueServiceStub

from kit import names
from kit.errors import Fault, Kind, conflict, internal
from kit.money import Money
from kit.rpc import Peer, convert
from services.orders.api.wire import optional_name
from services.orders.domain import errors
from services.orders.domain.checkout import Attempt, Held, Step
from services.orders.domain.errors import checkout as refusals
from services.orders.domain.payment import Allowance
from services.orders.domain.quote import Quote

_REFUSALS = frozenset({Kind.FAILED_PRECONDITION, Kind.NOT_FOUND, Kind.INVALID_ARGUMENT, Kind.ALREADY_EXISTS})


class MembersPoints:
    """Holds points for an order, and frees them."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._stub = MembersServiceStub(peer.channel)

    async def hold(self, attempt: Attempt, step: Step, *, store: str, code: str) -> Held:
        """Hold points. Raises a Fault if there are too few. Those that are held once more may still be held, and pay
        what they paid, whatever points are worth by now."""
        try:
            if step.renews:
                await self._peer.call(self._stub.ReleaseHold, members_pb2.ReleaseHoldRequest(name=step.renews))
            held = await self._hold(attempt, step)
        except Fault as fault:
            if fault.kind in {Kind.FAILED_PRECONDITION, Kind.NOT_FOUND}:
                raise errors.points_refused(attempt.buyer, fault.reason) from fault
            raise
        return Held(held.name, None if step.renews else convert.money(held.value, field="points"))

    async def release(self, attempt: Attempt, step: Step) -> bool:
        """Free the points. Whoever does not know the hold asks for it once more: the answer is the first one, or there
        was none."""
        name = step.hold
        if not name:
            try:
                name = (await self._hold(attempt, step)).name
            except Fault as fault:
                if fault.kind not in _REFUSALS:
                    raise
                return False
        try:
            await self._peer.call(self._stub.ReleaseHold, members_pb2.ReleaseHoldRequest(name=name))
        except Fault as fault:
            if fault.kind is not Kind.NOT_FOUND:  # the member is gone, and the points with the member
                raise
        return True

    async def _hold(self, attempt: Attempt, step: Step) -> members_pb2.Hold:
        request = members_pb2.CreateHoldRequest(
            parent=names.join("members", attempt.buyer),
            hold=members_pb2.Hold(points=step.points),
            source=names.join("orders", attempt.order),
            ttl=_ttl(attempt),
            request_id=str(attempt.order_id),
        )
        return await self._peer.call(self._stub.CreateHold, request)


class MembersPointRules:
    """Asks what points may pay for."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._stub = ProgrammesServiceStub(peer.channel)

    async def allowance(self, quote: Quote, member: UUID) -> Allowance | None:
        """How many points may pay for what is quoted; None if members is too old to say. Raises a Fault if none may:
        there is no such member, or the points are worth another currency."""
        request = programmes_pb2.QuoteRedemptionRequest(
            parent=names.join("members", member),
            lines=[
                programmes_pb2.GoodsLine(
                    product=optional_name("products", item.product),
                    category=item.category,
                    amount=convert.wire_money(Money(item.amount, quote.currency)),
                )
                for item in quote.items
            ],
            freight=convert.wire_money(Money(quote.freight, quote.currency)),
        )
        try:
            answer = await self._peer.call(self._stub.QuoteRedemption, request)
        except Fault as fault:
            if fault.kind in _REFUSALS:
                raise errors.points_refused(member, fault.reason) from fault
            raise
        return Allowance(answer.min_points, answer.max_points) if answer.HasField("max_points") else None


class MembersStoredValue:
    """Holds stored value for an order, and frees it."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._stub = StoredValueServiceStub(peer.channel)

    async def hold(self, attempt: Attempt, step: Step, *, store: str, code: str) -> Held:
        """Hold stored value. Raises a Fault if there is too little."""
        try:
            if step.renews:
                return await _renew(self._peer, self._stub, attempt, step)
            request = stored_value_pb2.HoldStoredValueRequest(
                member=names.join("members", attempt.buyer),
                amount=convert.wire_money(_amount(step)),
                store=store,
                source=names.join("orders", attempt.order),
                reference=reference(attempt, step),
                ttl=_ttl(attempt),
            )
            held = await self._peer.call(self._stub.HoldStoredValue, request)
        except Fault as fault:
            if fault.kind in _REFUSALS:
                raise refusals.stored_value_refused(attempt.buyer, fault.reason) from fault
            raise
        return _held(held)

    async def release(self, attempt: Attempt, step: Step) -> bool:
        """Free the stored value."""
        return await _release(self._peer, self._stub, attempt, step)


class MembersGiftCards:
    """Holds value of gift cards for an order, and frees it."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._stub = GiftCardServiceStub(peer.channel)
        self._payments = StoredValueServiceStub(peer.channel)

    async def hold(self, attempt: Attempt, step: Step, *, store: str, code: str) -> Held:
        """Hold value of a card. Raises a Fault if there is no such card, or too little on it."""
        try:
            if step.renews:
                return await _renew(self._peer, self._payments, attempt, step)
            request = gift_cards_pb2.HoldGiftCardRequest(
                code=code,
                amount=convert.wire_money(_amount(step)),
                store=store,
                source=names.join("orders", attempt.order),
                reference=reference(attempt, step),
                ttl=_ttl(attempt),
            )
            held = await self._peer.call(self._stub.HoldGiftCard, request)
        except Fault as fault:
            if fault.kind in _REFUSALS:
                first = next(each.position for each in attempt.steps if each.kind is step.kind)
                raise refusals.gift_card_refused(step.position - first + 1, fault.reason) from fault
            raise
        return _held(held)

    async def release(self, attempt: Attempt, step: Step) -> bool:
        """Free the value. The code is not needed for it, and nobody keeps it."""
        return await _release(self._peer, self._payments, attempt, step)


def reference(attempt: Attempt, step: Step) -> str:
    """Under which number members holds money for a step: unique for ever, and the same however often it is asked."""
    return f"orders/{attempt.order_id}/{step.position}"


async def _renew(peer: Peer, stub: StoredValueServiceStub, attempt: Attempt, step: Step) -> Held:
    """Hold what the order had held before it was given up, out of the same account or card, whose code nobody kept."""
    request = stored_value_pb2.RenewStoredValuePaymentRequest(
        name=step.renews, reference=reference(attempt, step), ttl=_ttl(attempt)
    )
    return _held(await peer.call(stub.RenewStoredValuePayment, request))


async def _release(peer: Peer, stub: StoredValueServiceStub, attempt: Attempt, step: Step) -> bool:
    name = step.hold
    if not name:
        request = stored_value_pb2.LookupStoredValuePaymentRequest(reference=reference(attempt, step))
        try:
            name = (await peer.call(stub.LookupStoredValuePayment, request)).name
        except Fault as fault:
            if fault.kind is not Kind.NOT_FOUND:
                raise
            return False
    await peer.call(stub.ReleaseStoredValuePayment, stored_value_pb2.ReleaseStoredValuePaymentRequest(name=name))
    return True


def _held(payment: stored_value_pb2.StoredValuePayment) -> Held:
    if payment.state != stored_value_pb2.StoredValuePayment.STATE_HELD:
        raise conflict()  # an ask of an attempt that was given back meanwhile
    return Held(payment.name, convert.money(payment.amount, field="amount"))


def _amount(step: Step) -> Money:
    if step.amount is None:
        raise internal()
    return step.amount


def _ttl(attempt: Attempt) -> Duration:
    """The same at each ask: a request id is good for one and the same request."""
    return convert.wire_duration(attempt.hold_until - attempt.open_time)
