"""What is kept of past purchases for the sake of rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from services.members.domain.basket import Basket, Left
from services.members.domain.condition import Person
from services.members.domain.earning import Earning, Room, rooms
from services.members.domain.programme import Programme


class Kept(NamedTuple):
    """What rules know of a purchase, and what it earned by them in each programme; no `person`, no condition has asked
    for the member yet."""

    basket: Basket
    left: Left
    person: Person | None = None
    earnings: Mapping[str, Earning] = {}


class Claimed(NamedTuple):
    """What a purchase takes of the caps that its member's purchases share in a programme, by rule."""

    member: UUID
    order: UUID
    programme: str
    pay_time: datetime
    claims: Mapping[str, int]


class Claims:
    """What the purchases of some members take of shared caps, while more of them are settled."""

    def __init__(self, claimed: Iterable[Claimed]) -> None:
        self._claimed = {(each.member, each.order, each.programme): each for each in claimed}

    def put(self, claimed: Claimed) -> None:
        """Take over what a purchase claims now."""
        self._claimed[claimed.member, claimed.order, claimed.programme] = claimed

    def rooms(self, member: UUID, order: UUID, programme: Programme, pay_time: datetime) -> dict[str, Room]:
        """The room that the member's other purchases leave to one."""
        today: dict[str, int] = {}
        ever: dict[str, int] = {}
        day = pay_time.astimezone(programme.zone).date()
        for each in self._claimed.values():
            if each.member != member or each.order == order or each.programme != programme.id:
                continue
            same_day = each.pay_time.astimezone(programme.zone).date() == day
            for rule, claim in each.claims.items():
                ever[rule] = ever.get(rule, 0) + claim
                if same_day:
                    today[rule] = today.get(rule, 0) + claim
        return rooms(programme, today, ever)
