"""Redemptions on their way to the member: sent, given as a voucher, or picked up with a code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from services.members.domain import errors as members_errors
from services.members.domain.errors import mall as errors
from services.members.domain.redemption import Delivery, Redemption
from services.members.usecases.mall_ports import MallUnit


@dataclass(frozen=True, slots=True)
class Fulfil:
    """A redemption was delivered."""

    member: UUID
    redemption: UUID
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class IssueCode:
    """Let a redemption be picked up with the code of this digest, and no other one."""

    member: UUID
    redemption: UUID
    digest: str


@dataclass(frozen=True, slots=True)
class VerifyCode:
    """Somebody brings the code of this digest to a store."""

    digest: str
    store: str


def fulfil(unit: MallUnit, command: Fulfil) -> Redemption:
    """Keep how a redemption was delivered. Raises a Fault unless it is confirmed."""
    return _changed(unit, command.member, command.redemption, lambda known: known.fulfilled(command.delivery, unit.now))


def issue_code(unit: MallUnit, command: IssueCode) -> Redemption:
    """Keep the digest of a new code. Raises a Fault unless the redemption is confirmed."""
    return _changed(unit, command.member, command.redemption, lambda known: known.with_code(command.digest))


def verify_code(unit: MallUnit, command: VerifyCode) -> Redemption:
    """Fulfil the redemption that a code belongs to. Raises a Fault when there is none, or the code was used."""
    found = unit.redemptions.with_code(command.digest)
    if found is None:
        raise errors.redemption_code_invalid("it is unknown or was replaced")

    def handed_over(known: Redemption) -> Redemption:
        if known.delivery.digest != command.digest:  # replaced a moment ago
            raise errors.redemption_code_invalid("it is unknown or was replaced")
        return known.picked_up(command.store, unit.now)

    return _changed(unit, found.member, found.id, handed_over)


def _changed(unit: MallUnit, member: UUID, redemption: UUID, how: Callable[[Redemption], Redemption]) -> Redemption:
    if not unit.wallets.lock([member]):
        raise members_errors.member_not_found(member)
    known = unit.redemptions.read([redemption]).get(redemption)
    if known is None or unit.wallets.heir(known.member) != unit.wallets.heir(member):
        raise errors.redemption_not_found(member, redemption)
    after = how(known)
    if after is not known:
        unit.redemptions.save([after])
    return after
