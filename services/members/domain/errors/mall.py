"""Why the points mall refuses."""

from __future__ import annotations

from uuid import UUID

from kit import names
from kit.errors import Fault, Kind, Violation


def reward_not_found(reward: UUID) -> Fault:
    """There is no such reward."""
    name = names.join("rewards", reward)
    return Fault(Kind.NOT_FOUND, "REWARD_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def redemption_not_found(member: UUID, redemption: UUID) -> Fault:
    """The member has no such redemption."""
    name = names.join("members", member, "redemptions", redemption)
    return Fault(Kind.NOT_FOUND, "REDEMPTION_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def reward_invalid(field: str, description: str) -> Fault:
    """The parts of a reward don't fit together."""
    field = f"reward.{field}"
    violations = [Violation(field, description)]
    return Fault(Kind.INVALID_ARGUMENT, "REWARD_INVALID", f"{field}: {description}", violations=violations)


def reward_not_on_sale(reward: UUID, why: str) -> Fault:
    """The reward can't be redeemed now."""
    message = f"the reward is not on sale: {why}"
    return Fault(Kind.FAILED_PRECONDITION, "REWARD_NOT_ON_SALE", message, metadata={"reward": str(reward), "why": why})


def reward_sold_out(reward: UUID, *, left: int, asked: int) -> Fault:
    """Fewer are left than are asked for."""
    return Fault(
        Kind.FAILED_PRECONDITION,
        "REWARD_SOLD_OUT",
        f"{asked} are asked for, {left} are left",
        metadata={"reward": str(reward), "left": str(left), "asked": str(asked)},
    )


def reward_limit_reached(reward: UUID, *, limit: int, taken: int, span: str) -> Fault:
    """The member may have no more, within the span that the limit is for."""
    return Fault(
        Kind.FAILED_PRECONDITION,
        "REWARD_LIMIT_REACHED",
        f"a member may have {limit} {span}, and has {taken}",
        metadata={"reward": str(reward), "limit": str(limit), "taken": str(taken), "span": span},
    )


def reward_not_for_member(reward: UUID, gate: str, needed: str) -> Fault:
    """The member has not reached the tier, or has not the tag, that it takes."""
    metadata = {"reward": str(reward), gate: needed}
    message = f"the reward is for members with the {gate} {needed}" + " or a higher one" * (gate == "tier")
    return Fault(Kind.FAILED_PRECONDITION, "REWARD_NOT_FOR_MEMBER", message, metadata=metadata)


def redemption_state_wrong(redemption: UUID, state: str) -> Fault:
    """What is asked for can't be done in this state."""
    metadata = {"redemption": str(redemption), "state": state}
    message = f"the redemption is {state.lower()}"
    return Fault(Kind.FAILED_PRECONDITION, "REDEMPTION_STATE_WRONG", message, metadata=metadata)


def redemption_expired(redemption: UUID, why: str) -> Fault:
    """The payment came late, and the redemption can't be had once more; `why` is the reason of that."""
    metadata = {"redemption": str(redemption), "why": why}
    message = f"the payment came too late ({why}): give it back"
    return Fault(Kind.FAILED_PRECONDITION, "REDEMPTION_EXPIRED", message, metadata=metadata)


def payment_taken(field: str) -> Fault:
    """The payment belongs to another redemption."""
    message = f"the {field} belongs to another redemption"
    return Fault(Kind.ALREADY_EXISTS, "PAYMENT_TAKEN", message, metadata={"field": field})


def payment_mismatch(field: str, description: str) -> Fault:
    """What was paid is not what was to be paid."""
    violations = [Violation(field, description)]
    return Fault(Kind.INVALID_ARGUMENT, "PAYMENT_MISMATCH", f"{field}: {description}", violations=violations)


def redemption_code_invalid(why: str) -> Fault:
    """The code leads to nothing that may be handed over."""
    message = f"the code is not valid: {why}"
    return Fault(Kind.FAILED_PRECONDITION, "REDEMPTION_CODE_INVALID", message, metadata={"why": why})


def point_transfer_refused(why: str, **limits: int) -> Fault:
    """The policy does not let these points be given."""
    metadata = {"why": why} | {name: str(limit) for name, limit in limits.items()}
    return Fault(
        Kind.FAILED_PRECONDITION, "POINT_TRANSFER_REFUSED", f"the points can't be given: {why}", metadata=metadata
    )
