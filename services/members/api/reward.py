"""Rewards, on the wire and inside."""

from __future__ import annotations

from typing import Any

from kehu.members.v1 import mall_pb2 as pb

from kit import names
from kit.errors import invalid
from kit.rpc.convert import etag, expected_version, instant, masked_fields, money, wire_instant, wire_money
from services.members.api.audit import author
from services.members.api.programme import programme_asked, programme_name
from services.members.domain.reward import Kind, Offer, Reward, State
from services.members.usecases.reward import CreateReward, TurnReward, UpdateReward

# What a caller may change, and what that is called inside.
_MUTABLE = {
    "display_name": "display_name",
    "description": "description",
    "item": "item",
    "points": "points",
    "cash": "cash",
    "stock": "stock",
    "per_member_limit": "per_member",
    "per_member_daily_limit": "per_day",
    "tier": "tier",
    "tag": "tag",
    "start_time": "start",
    "end_time": "end",
    "programme": "programme",
}
_OUTPUT_ONLY = (
    "name",
    "kind",
    "state",
    "held_count",
    "redeemed_count",
    "available_count",
    "create_time",
    "update_time",
    "etag",
)


def create(request: pb.CreateRewardRequest) -> CreateReward:
    """Read a request for a new reward."""
    wire = request.reward
    if not wire.kind:
        raise invalid("reward.kind", "must be given")
    kind = Kind(pb.Reward.Kind.Name(wire.kind).removeprefix("KIND_"))
    return CreateReward(names.new_id(), kind, Offer(**_values(wire)), author())


def update(request: pb.UpdateRewardRequest) -> UpdateReward:
    """Read a request to change a reward."""
    wire = request.reward
    paths = masked_fields(wire, request.update_mask, mutable=tuple(_MUTABLE), output_only=_OUTPUT_ONLY)
    values = _values(wire)
    return UpdateReward(
        names.id_of("rewards", wire.name, field="reward.name"),
        {_MUTABLE[path]: values[_MUTABLE[path]] for path in paths},
        expected_version(wire.etag),
        author(),
    )


def turn(request: pb.PublishRewardRequest | pb.WithdrawRewardRequest, state: State) -> TurnReward:
    """Read a request to put a reward on sale or off."""
    return TurnReward(names.id_of("rewards", request.name), state, expected_version(request.etag), author())


def state_of(request: pb.ListRewardsRequest) -> State | None:
    """Which rewards to list."""
    return State(pb.Reward.State.Name(request.state).removeprefix("STATE_")) if request.state else None


def render(reward: Reward) -> pb.Reward:
    """Write a reward."""
    offer = reward.offer
    return pb.Reward(
        name=names.join("rewards", reward.id),
        display_name=offer.display_name,
        description=offer.description,
        kind=pb.Reward.Kind.Value(f"KIND_{reward.kind}"),
        item=offer.item,
        points=offer.points,
        cash=wire_money(offer.cash) if offer.cash else None,
        stock=offer.stock,
        per_member_limit=offer.per_member,
        per_member_daily_limit=offer.per_day,
        tier=offer.tier,
        tag=offer.tag,
        start_time=wire_instant(offer.start) if offer.start else None,
        end_time=wire_instant(offer.end) if offer.end else None,
        state=pb.Reward.State.Value(f"STATE_{reward.state}"),
        held_count=reward.held,
        redeemed_count=reward.redeemed,
        available_count=reward.left,
        create_time=wire_instant(reward.create_time),
        update_time=wire_instant(reward.update_time),
        programme=programme_name(offer.programme),
        etag=etag(reward.version),
    )


def _values(wire: pb.Reward) -> dict[str, Any]:
    return {
        "display_name": wire.display_name,
        "description": wire.description,
        "item": wire.item,
        "points": wire.points,
        "cash": money(wire.cash, field="reward.cash") if wire.HasField("cash") else None,
        "stock": wire.stock,
        "per_member": wire.per_member_limit if wire.HasField("per_member_limit") else None,
        "per_day": wire.per_member_daily_limit if wire.HasField("per_member_daily_limit") else None,
        "tier": wire.tier,
        "tag": wire.tag,
        "start": instant(wire.start_time, field="reward.start_time") if wire.HasField("start_time") else None,
        "end": instant(wire.end_time, field="reward.end_time") if wire.HasField("end_time") else None,
        "programme": programme_asked(wire.programme, field="reward.programme"),
    }
