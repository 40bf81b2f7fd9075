"""Who sees what is personal in full: callers with the scope `members.pii`. Others see it masked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kehu.members.v1 import members_pb2 as pb

from kit.rpc import call, policy
from services.members.api import convert
from services.members.usecases import member
from services.members.usecases.member import Shown

SCOPE = "members.pii"

Show = Callable[[Shown], pb.Member]


def full() -> bool:
    """Whether the present caller sees everything."""
    return policy.granted(call.current().identity.roles, SCOPE)


def shower() -> Show:
    """How to show members to the present caller."""
    return partial(convert.member, full=full())


def recall(show: Show) -> Callable[[Any, pb.Member], pb.Member]:
    """How to answer a repeat of a call that answered a member: by the member as it is now."""
    return lambda unit, kept: show(member.get(unit, convert.member_id(kept.name), None))
