"""Referrals between the wire and the use-cases."""

from __future__ import annotations

from uuid import UUID

from kehu.members.v1 import referrals_pb2 as pb

from kit import names
from kit.rpc.convert import wire_instant
from services.members.domain.referral import Referral, read_code
from services.members.usecases.referral import Attach


def attach(request: pb.AttachReferralRequest) -> Attach:
    """Read who brought a new member."""
    member = names.id_of("members", request.parent, field="parent")
    return Attach(member, read_code(request.code), request.device, request.store)


def code(known: tuple[UUID, str]) -> pb.ReferralCode:
    """Show a member's code."""
    member, text = known
    return pb.ReferralCode(name=names.join("members", member, "referralCode"), code=text)


def render(known: Referral) -> pb.Referral:
    """Show a referral."""
    return pb.Referral(
        name=names.join("members", known.member, "referral"),
        referrer=names.join("members", known.referrer),
        state=pb.Referral.State.Value(f"STATE_{known.state}"),
        order=names.join("orders", known.order) if known.order else "",
        referrer_points=known.referrer_given,
        member_points=known.member_given,
        create_time=wire_instant(known.create_time),
        reward_time=wire_instant(known.reward_time) if known.reward_time else None,
    )
