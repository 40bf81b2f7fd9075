"""The peers of checkouts, played in memory: campaigns, which locks coupons, and members, which holds money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from kit.errors import Fault
from kit.money import Money
from services.orders.domain import errors
from services.orders.domain.checkout import Attempt, Held, Step, StepKind

if TYPE_CHECKING:
    from tests.support.builders.checkouts import World


def number(order_id: UUID, step: Step) -> str:
    """Under which number something is held."""
    return f"{order_id}/{step.position}"


def amount(step: Step) -> int:
    """How much is held."""
    return step.points if step.kind is StepKind.POINTS else step.amount.minor if step.amount else 0


@dataclass(frozen=True)
class Coupons:
    """Campaigns: a lock is of one order, and of the checkout that locked it last; the same request is answered the
    same."""

    world: World

    async def hold(self, attempt: Attempt, step: Step, *, store: str, code: str) -> Held:
        """Lock the coupons."""

        def act() -> Held:
            world = self.world
            if str(attempt.order_id) in world.locked:
                return Held()
            for coupon in step.coupons:
                if world.locks.get(coupon, attempt.order) != attempt.order:
                    raise errors.coupon_refused(coupon, "COUPON_LOCKED")
            world.locks |= dict.fromkeys(step.coupons, attempt.order)
            world.checkouts |= dict.fromkeys(step.coupons, _checkout(attempt))
            world.locked.add(str(attempt.order_id))
            return Held()

        return await self.world.call(act)

    async def release(self, attempt: Attempt, step: Step) -> bool:
        """Unlock them, as far as this checkout has them."""

        def act() -> bool:
            world, ours = self.world, (attempt.order, _checkout(attempt))
            for coupon in step.coupons:
                if (world.locks.get(coupon), world.checkouts.get(coupon)) == ours:
                    del world.locks[coupon]
            return False

        return await self.world.call(act)


def _checkout(attempt: Attempt) -> UUID | None:
    return attempt.order_id if attempt.pays else None


@dataclass(frozen=True)
class Purse:
    """Members: money of one kind, held once under one number for ever."""

    world: World
    kind: StepKind

    async def hold(self, attempt: Attempt, step: Step, *, store: str, code: str) -> Held:
        """Hold it."""
        return await self.world.call(lambda: self._hold(attempt, step))

    async def release(self, attempt: Attempt, step: Step) -> bool:
        """Find it, if its name is not known, and free it."""
        name = step.hold or await self.world.call(lambda: self._find(attempt, step))
        if not name:
            return False

        def act() -> bool:
            self.world.funds[self.kind] += self.world.holds.pop(name, 0)
            return True

        return await self.world.call(act)

    def _hold(self, attempt: Attempt, step: Step) -> Held:
        world, name = self.world, number(attempt.order_id, step)
        if name not in world.known:
            if amount(step) > world.funds[self.kind]:
                raise errors.points_refused(attempt.buyer, "INSUFFICIENT")
            world.funds[self.kind] -= amount(step)
            world.known[name] = world.holds[name] = amount(step)
        return Held(name, Money(world.known[name], "CNY"))

    def _find(self, attempt: Attempt, step: Step) -> str:
        if self.kind is StepKind.POINTS:  # members has no other way to find a hold on points
            try:
                return self._hold(attempt, step).name
            except Fault:
                return ""
        name = number(attempt.order_id, step)
        return name if name in self.world.known else ""
