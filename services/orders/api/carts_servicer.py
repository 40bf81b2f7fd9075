"""CartsService: each method is parse, call, render. A cart is shown at today's prices, which are read beside the
transaction that changes it and are no part of what is stored of an answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

from kehu.orders.v1 import carts_pb2 as pb
from kehu.orders.v1 import carts_pb2_grpc, orders_pb2

from kit import names
from kit.errors import Fault, etag_mismatch
from kit.rpc import Edge
from kit.vault import Vault
from services.orders.api import afterwards, cart, order
from services.orders.api.wire import optional_id, version_of
from services.orders.domain import errors
from services.orders.domain.cart import Access, Cart, Offered
from services.orders.domain.errors import shipping as cart_errors
from services.orders.domain.offer import Asked, Offer
from services.orders.domain.price_list import Shopper
from services.orders.usecases import cart as usecases
from services.orders.usecases import order as order_usecases
from services.orders.usecases.cart import ChangeCart, MergeCarts, OpenCart, OrderCart
from services.orders.usecases.checkout import Checkout, Open


class CartsServicer(carts_pb2_grpc.CartsServiceServicer):
    """The carts of guests and members."""

    def __init__(self, edge: Edge[Any], *, checkout: Checkout, vault: Vault) -> None:
        self._edge = edge
        self._checkout = checkout
        self._vault = vault

    async def CreateCart(self, request: pb.CreateCartRequest, context: Any) -> pb.Cart:
        """Open a cart."""
        member = optional_id("members", request.cart.member, field="cart.member")
        cart_id = names.new_id()
        store = request.cart.store.removeprefix("stores/")
        command = OpenCart(cart_id, member, request.cart.channel, self._access(cart_id), store)
        kept = await self._edge.write(request, usecases.open_cart, command, render=cart.cart)
        shown = await self._shown(kept)
        if member is None:
            shown.token = cart.secret(self._vault, names.id_of("carts", shown.name))
        return shown

    async def GetCart(self, request: pb.GetCartRequest, context: Any) -> pb.Cart:
        """Read a cart."""
        cart_id = names.id_of("carts", request.name)
        found = await self._edge.read(usecases.get_cart, cart_id, self._access(cart_id))
        return await self._shown(cart.cart(found))

    async def RefreshCart(self, request: pb.RefreshCartRequest, context: Any) -> pb.Cart:
        """Read a cart, and take today's prices as seen."""
        cart_id = names.id_of("carts", request.name)
        access = self._access(cart_id, request.token)
        found = cart.cart((await self._edge.read(usecases.get_cart, cart_id, access)).usable())
        offers = await self._offers(cart.asked(found))
        if not request.peek:
            command = usecases.see_prices(cart_id, access, cart.prices(offers))
            await self._edge.write(request, usecases.change_cart, command, render=cart.cart)
        return cart.priced(found, offers)

    async def AddCartLine(self, request: pb.AddCartLineRequest, context: Any) -> pb.Cart:
        """Add units of a product."""
        offered = await self._offered(request, lambda units: units + request.quantity)
        return await self._change(request, lambda found, now: found.add(offered, request.quantity, now))

    async def SetCartLine(self, request: pb.SetCartLineRequest, context: Any) -> pb.Cart:
        """Set the units of a product."""
        offered = await self._offered(request, lambda _: request.quantity)
        return await self._change(request, lambda found, now: found.set(offered, request.quantity, now))

    async def MoveCartLine(self, request: pb.MoveCartLineRequest, context: Any) -> pb.Cart:
        """Save a line for later, or take it back."""
        offered = await self._offered(request, lambda _: 0)
        return await self._change(request, lambda found, now: found.move(offered, saved=request.saved, now=now))

    async def SetCartCoupons(self, request: pb.SetCartCouponsRequest, context: Any) -> pb.Cart:
        """Set the coupons."""
        for index, name in enumerate(request.coupons):
            names.id_of("coupons", name, field=f"coupons[{index}]")
        return await self._change(request, lambda found, now: found.with_coupons(request.coupons, now))

    async def MergeCart(self, request: pb.MergeCartRequest, context: Any) -> pb.Cart:
        """Merge a guest's cart into the member's."""
        cart_id, member = names.id_of("carts", request.name), names.id_of("members", request.member, field="member")
        access = self._access(cart_id, request.token)
        if not access.staff and access.member != member:
            raise cart_errors.cart_not_found(cart_id)
        guest = await self._edge.read(usecases.get_cart, cart_id, access)
        offers = await self._offers(cart.asked(cart.cart(guest)))
        limits = {product: offer.product.purchase_limit for product, offer in offers.items()}
        command = MergeCarts(cart_id, access, member, names.new_id(), limits)
        return await self._shown(await self._edge.write(request, usecases.merge_carts, command, render=cart.cart))

    async def CheckoutCart(self, request: pb.CheckoutCartRequest, context: Any) -> orders_pb2.Order:
        """Place the order of a cart; a repeat gets the same one."""
        answered: orders_pb2.Order | None = await self._edge.answered(request)
        if answered is not None:
            return answered
        cart_id = names.id_of("carts", request.name)
        access = self._access(cart_id, request.token)
        found = (await self._edge.read(usecases.get_cart, cart_id, access)).usable()
        version = version_of(request.etag)
        if version is not None and version != found.version:
            raise etag_mismatch(request.name)
        if not found.active:
            raise cart_errors.cart_empty(cart_id)
        try:
            return await self._order(request, found)
        except Fault:
            # Perhaps it failed because its twin, sent at the same moment, has just got what both wanted.
            twin = await self._twin(found, _terms(request))
            if twin is None:
                raise
            return twin

    async def _order(self, request: pb.CheckoutCartRequest, found: Cart) -> orders_pb2.Order:
        terms = _terms(request)
        basket = cart.basket(found, request, self._vault)

        async def store(placement: Any) -> Any:
            command = OrderCart(found.id, found.version, terms, placement)
            return await self._edge.write(request, usecases.order_cart, command, render=order.order)

        # Whoever wants the same shares one attempt, and so what is held for it.
        key = hashlib.sha256(f"{found.id} {found.version} ".encode() + terms).hexdigest()
        placed: orders_pb2.Order = await self._checkout.place(
            basket, Open(key, names.new_id()), store=store, afterwards=afterwards.run
        )
        return placed

    async def _twin(self, found: Cart, terms: bytes) -> orders_pb2.Order | None:
        after = await self._edge.read(usecases.get_cart, found.id, Access(staff=True))
        if after.order is None or (after.ordered_version, after.ordered_terms) != (found.version, terms):
            return None
        return order.order(await self._edge.read(order_usecases.get_order, after.order))

    async def _change(self, request: Any, change: Any) -> pb.Cart:
        cart_id = names.id_of("carts", request.name)
        version = version_of(request.etag)
        command = ChangeCart(cart_id, self._access(cart_id, request.token), change, version)
        return await self._shown(await self._edge.write(request, usecases.change_cart, command, render=cart.cart))

    async def _offered(self, request: Any, units: Callable[[int], int]) -> Offered:
        """The product of a request as the cart's customer could buy it, when the cart would have `units` (of those that
        it has). Raises a Fault when they can't be bought; none always can."""
        product = names.id_of("products", request.product, field="product")
        cart_id = names.id_of("carts", request.name)
        found = await self._edge.read(usecases.get_cart, cart_id, self._access(cart_id, request.token))
        wanted = units(sum(line.quantity for line in found.active if line.product == product))
        offers = await self._offers(Asked(Shopper(found.channel, found.store, found.member), {product: max(1, wanted)}))
        offer = offers.get(product)
        if wanted and offer is None:
            raise errors.product_not_found(product)
        if wanted and offer is not None and offer.refusal is not None:
            raise offer.refusal
        return cart.offered(product, offer)

    async def _shown(self, kept: pb.Cart) -> pb.Cart:
        return cart.priced(kept, await self._offers(cart.asked(kept)))

    async def _offers(self, asked: Asked) -> dict[UUID, Offer]:
        return dict(await self._checkout.quote.find(asked)) if asked.quantities else {}

    def _access(self, cart_id: UUID, token: str = "") -> Access:
        return cart.access(self._vault, cart_id, token)


def _terms(request: pb.CheckoutCartRequest) -> bytes:
    """What requests for the same order have in common."""
    bare = pb.CheckoutCartRequest()
    bare.CopyFrom(request)
    for name in ("request_id", "token", "etag"):
        bare.ClearField(name)
    return hashlib.sha256(bare.SerializeToString(deterministic=True)).digest()
