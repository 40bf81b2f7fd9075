"""Rewards as rows, and what members have of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, Uuid, any_, insert, literal, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from kit import errors
from kit.money import Money
from kit.page import Page
from services.members.domain.reward import Kind, Offer, Pieces, Reward, Share, State, Taken
from services.members.storage.tables.mall import rewards as table

# The domain has checked the stock under the row's lock; the condition makes sure that nothing else ever passes it.
_COUNT = text("""
    update rewards r set held = r.held + u.held, redeemed = r.redeemed + u.redeemed
    from unnest(cast(:ids as uuid[]), cast(:held as bigint[]), cast(:redeemed as bigint[])) as u (id, held, redeemed)
    where r.id = u.id
      and (u.held + u.redeemed <= 0 or r.held + u.held + r.redeemed + u.redeemed <= r.stock)
""")

_READ_SHARES = text("""
    select u.reward, u.member, u.day, coalesce(total.used, 0), coalesce(daily.used, 0)
    from unnest(cast(:rewards as uuid[]), cast(:members as uuid[]), cast(:days as text[])) as u (reward, member, day)
    join redemption_shares total on total.reward = u.reward and total.member = u.member and total.day = ''
    left join redemption_shares daily on daily.reward = u.reward and daily.member = u.member and daily.day = u.day
""")

# Check and reservation are one statement; a row that would pass its limit is not touched, and so not counted.
_TAKE = text("""
    insert into redemption_shares as s (reward, member, day, used, most)
    select * from unnest(cast(:rewards as uuid[]), cast(:members as uuid[]), cast(:days as text[]),
                         cast(:counts as bigint[]), cast(:limits as bigint[])) order by 1, 2, 3
    on conflict (reward, member, day) do update set used = s.used + excluded.used, most = excluded.most
    where s.used + excluded.used <= coalesce(excluded.most, s.used + excluded.used)
""")

_GIVE_BACK = text("""
    update redemption_shares s set used = s.used - u.count
    from unnest(cast(:rewards as uuid[]), cast(:members as uuid[]), cast(:days as text[]), cast(:counts as bigint[]))
         as u (reward, member, day, count)
    where s.reward = u.reward and s.member = u.member and s.day = u.day
""")

_ALL_DAYS = ""


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


class ShareStore:
    """Keeps how many of a reward each member has, in all and by day."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, shares: Collection[Share]) -> dict[Share, Taken]:
        """What members have; who has nothing is missing."""
        if not shares:
            return {}
        rows = self._connection.execute(_READ_SHARES, _columns(shares)).all()
        return {Share(reward, member, day): Taken(total, today) for reward, member, day, total, today in rows}

    def take(self, shares: Mapping[Share, int], limits: Mapping[UUID, tuple[int | None, int | None]]) -> None:
        """Give members more. Raises a Fault when a limit would be passed."""
        if not shares:
            return
        counts = _rows(shares)
        columns: dict[str, Any] = {
            **_columns(counts),
            "counts": list(counts.values()),
            "limits": [limits[share.reward][share.day != _ALL_DAYS] for share in counts],
        }
        if self._connection.execute(_TAKE, columns).rowcount != len(counts):
            raise errors.conflict()

    def give_back(self, shares: Mapping[Share, int]) -> None:
        """Let members have less."""
        if shares:
            counts = _rows(shares)
            self._connection.execute(_GIVE_BACK, {**_columns(counts), "counts": list(counts.values())})


def _rows(shares: Mapping[Share, int]) -> Counter[Share]:
    """The counts of each day, and those of all days."""
    counts: Counter[Share] = Counter()
    for share, count in shares.items():
        counts[share] += count
        counts[share._replace(day=_ALL_DAYS)] += count
    return counts


def _columns(shares: Collection[Share]) -> dict[str, Any]:
    rewards, members, days = zip(*shares, strict=True)
    return {"rewards": list(rewards), "members": list(members), "days": list(days)}


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
        ),
        held=row["held"],
        redeemed=row["redeemed"],
        create_time=row["create_time"],
        update_time=row["update_time"],
        version=row["version"],
    )
