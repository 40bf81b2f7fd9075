"""Rewards as rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, Uuid, any_, insert, literal, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from kit import errors
from kit.money import Money
from kit.page import Page
from services.members.domain.reward import Kind, Offer, Pieces, Reward, State
from services.members.storage.tables.mall import rewards as table

# The domain has checked the stock under the row's lock; the condition makes sure that nothing else ever passes it.
_COUNT = text("""
    update rewards r set held = r.held + u.held, redeemed = r.redeemed + u.redeemed
    from unnest(cast(:ids as uuid[]), cast(:held as bigint[]), cast(:redeemed as bigint[])) as u (id, held, redeemed)
    where r.id = u.id
      and (u.held + u.redeemed <= 0 or r.held + u.held + r.redeemed + u.redeemed <= r.stock)
""")


class RewardStore:
    """Keeps rewards with their counters."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, reward: UUID) -> Reward | None:
        """A reward, if there is one."""
        row = self._connection.execute(select(table).where(table.c.id == reward)).mappings().one_or_none()
        return None if row is None else _reward(row)

    def lock(self, rewards: Collection[UUID]) -> dict[UUID, Reward]:
        """The rewards that exist, locked in the order of their ids."""
        if not rewards:
            return {}
        query = (
            select(table)
            .where(table.c.id == any_(literal(list(rewards), ARRAY(Uuid))))
            .order_by(table.c.id)
            .with_for_update(key_share=True)
        )
        return {row["id"]: _reward(row) for row in self._connection.execute(query).mappings()}

    def page(self, page: Page, state: State | None) -> list[Reward]:
        """Rewards from a position on, the newest first, one more than the page shows."""
        query = select(table).order_by(table.c.id.desc()).limit(page.fetch)
        if page.after is not None:
            query = query.where(table.c.id < UUID(page.after[0]))
        if state is not None:
            query = query.where(table.c.state == state.value)
        return [_reward(row) for row in self._connection.execute(query).mappings()]

    def add(self, reward: Reward) -> None:
        """Keep a new reward."""
        self._connection.execute(insert(table).values(_row(reward)))

    def save(self, reward: Reward) -> None:
        """Keep a changed reward, all but its counters."""
        changed = {name: value for name, value in _row(reward).items() if name not in {"id", "held", "redeemed"}}
        self._connection.execute(update(table).where(table.c.id == reward.id).values(changed))

    def count(self, changes: Mapping[UUID, Pieces]) -> None:
        """Add to the counters of locked rewards. Raises a Fault when more than the stock would be given away."""
        if not changes:
            return
        columns = {
            "ids": list(changes),
            "held": [pieces.held for pieces in changes.values()],
            "redeemed": [pieces.redeemed for pieces in changes.values()],
        }
        if self._connection.execute(_COUNT, columns).rowcount != len(changes):
            raise errors.conflict()


def _row(reward: Reward) -> dict[str, Any]:
    offer = reward.offer
    return {
        "id": reward.id,
        "kind": reward.kind.value,
        "state": reward.state.value,
        "display_name": offer.display_name,
        "description": offer.description,
        "item": offer.item,
        "points": offer.points,
        "cash": offer.cash.minor if offer.cash else None,
        "currency": offer.cash.currency if offer.cash else None,
        "stock": offer.stock,
        "per_member": offer.per_member,
        "per_day": offer.per_day,
        "tier": offer.tier,
        "tag": offer.tag,
        "start_time": offer.start,
        "end_time": offer.end,
        "programme": offer.programme,
        "held": reward.held,
        "redeemed": reward.redeemed,
        "create_time": reward.create_time,
        "update_time": reward.update_time,
        "version": reward.version,
    }


def _reward(row: RowMapping) -> Reward:
    return Reward(
        id=row["id"],
        kind=Kind(row["kind"]),
        state=State(row["state"]),
        offer=Offer(
            display_name=row["display_name"],
            points=row["points"],
            stock=row["stock"],
            cash=None if row["cash"] is None else Money(row["cash"], row["currency"]),
            description=row["description"],
            item=row["item"],
            per_member=row["per_member"],
            per_day=row["per_day"],
            tier=row["tier"],
            tag=row["tag"],
            start=row["start_time"],
            end=row["end_time"],
            programme=row["programme"],
        ),
        held=row["held"],
        redeemed=row["redeemed"],
        create_time=row["create_time"],
        update_time=row["update_time"],
        version=row["version"],
    )
