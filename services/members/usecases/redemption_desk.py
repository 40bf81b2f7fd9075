"""The desk at which a batch of commands on redemptions is served: what is locked, and how it changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from services.members.domain.errors import mall as errors
from services.members.domain.hold import Hold
from services.members.domain.redemption import Redemption
from services.members.domain.reward import Pieces, Reward, Share, Taken
from services.members.usecases import hold as holds
from services.members.usecases.batches import Batches
from services.members.usecases.mall_ports import MallUnit

_NOTHING = Pieces()


class Desk:
    """Locks the members' wallets of the default programme, then the rewards, then wallets of other programmes. Commands
    are served one after the other, in memory; `close` writes what came of all.

    What a redemption takes of its reward, and of its member's limits, follows from its state. So whoever keeps a
    redemption here says nothing of counters: they move by the difference. Limits are checked under the member's lock,
    which whoever redeems, cancels or refunds for that member must have.
    """

    def __init__(self, unit: MallUnit, members: Collection[UUID], *, wait: bool = True) -> None:
        self.now = unit.now
        self.batches = Batches(unit, members, wait=wait)
        self._unit = unit
        self._rewards: dict[UUID, Reward] = {}
        self._taken: dict[Share, Taken] = {}
        self._before: dict[UUID, Redemption] = {}
        self._after: dict[UUID, Redemption] = {}
        self._holds_before: dict[UUID, Hold] = {}
        self._holds: dict[UUID, Hold] = {}
        self._facts: list[object] = []

    def __contains__(self, member: UUID) -> bool:
        return member in self.batches

    def open(self, rewards: Collection[UUID]) -> None:
        """Lock rewards."""
        self._rewards = self._unit.rewards.lock(rewards)

    def spending(self, amounts: Iterable[tuple[str, UUID, int]]) -> None:
        """Lock what these points will be taken from, each given with its programme and member, and read the lots."""
        amounts = list(amounts)
        self.batches.open((programme, member) for programme, member, _ in amounts)
        self.batches.spending(amounts)

    def reopen(self, redemptions: Collection[UUID]) -> list[Redemption]:
        """Read redemptions of locked members with their holds, and lock their rewards; answers them."""
        self._before = self._unit.redemptions.read(redemptions)
        self._after = dict(self._before)
        self.open({redemption.reward for redemption in self._before.values()})
        self._holds_before = self._unit.holds.read({redemption.hold for redemption in self._before.values()})
        self._holds = dict(self._holds_before)
        holds.returning(self.batches, [hold for hold in self._holds.values() if hold.member in self.batches])
        return list(self._before.values())

    def look_up(self, shares: Collection[Share]) -> None:
        """Read what members have of rewards already."""
        self._taken = dict(self._unit.redemptions.taken(shares))

    def member(self, member: UUID) -> UUID:
        """The member, or who took over if they were merged. Raises a Fault when there is no such member."""
        return self.batches.owner(member)

    def has(self, reward: UUID) -> bool:
        """Whether there is such a reward."""
        return reward in self._rewards

    def reward(self, reward: UUID) -> Reward:
        """A reward, as it is by now. Raises a Fault when there is none."""
        if reward not in self._rewards:
            raise errors.reward_not_found(reward)
        return self._rewards[reward]

    def redemption(self, member: UUID, redemption: UUID) -> Redemption:
        """A member's redemption, as it is by now. Raises a Fault when there is none."""
        found = self._after.get(redemption)
        if found is None or self._unit.wallets.heir(found.member) != self.member(member):
            raise errors.redemption_not_found(member, redemption)
        return found

    def check(self, redemption: Redemption) -> None:
        """Raise a Fault when its member may not have so many more, or fewer are left."""
        reward = self.reward(redemption.reward)
        reward.check_limits(redemption.quantity, self._taken.get(redemption.share, Taken()))
        reward.counted(Pieces(held=redemption.quantity))

    def keep(self, redemption: Redemption, facts: Iterable[object] = ()) -> Redemption:
        """Take over a new or changed redemption."""
        known = self._after.get(redemption.id)
        pieces, share = redemption.pieces.less(known.pieces if known else _NOTHING), redemption.share
        taken = self._taken.get(share, Taken())
        self._rewards[redemption.reward] = self.reward(redemption.reward).counted(pieces)
        self._taken[share] = Taken(taken.total + pieces.taken, taken.today + pieces.taken)
        self._after[redemption.id] = redemption
        self._facts += facts
        return redemption

    def place(self, redemption: Redemption, ttl: timedelta) -> None:
        """Set its points aside. Raises a Fault when fewer are available. Its lots were read before."""
        batch = self.batches.of(redemption.programme)
        hold, wallet, transfers = Hold.place(
            redemption.hold,
            batch.wallet(redemption.member),
            redemption.points,
            programme=self.batches.programme(redemption.programme),
            source=redemption.source,
            now=self.now,
            ttl=ttl,
        )
        batch.post(wallet, transfers)
        self._holds[hold.id] = hold

    def spend(self, redemption: Redemption) -> None:
        """Spend its held points. Raises a Fault when the hold has ended otherwise."""
        self._end(redemption, lambda hold, wallet, now: hold.confirm(wallet, redemption.points, now))

    def release(self, redemption: Redemption) -> None:
        """Make its held points available again. Raises a Fault when they are spent."""
        self._end(redemption, Hold.release)

    def lapse(self, redemption: Redemption) -> None:
        """Make its held points available again, if its time is over; what was decided by hand stays."""
        self._end(redemption, Hold.expire)

    def give_back(self, redemption: Redemption) -> None:
        """Give its spent points back to the lots that they came from."""
        hold = self._holds[redemption.hold]
        terms = self.batches.programme(hold.programme).grace(self.now)
        self._holds[hold.id] = self.batches.of(hold.programme).refund(hold, hold.confirmed, terms)

    def close(self) -> None:
        """Write what changed, and publish the facts."""
        changed = [after for key, after in self._after.items() if after is not self._before.get(key)]
        self._count(changed)
        self._unit.redemptions.add([each for each in changed if each.id not in self._before])
        self._unit.redemptions.save([each for each in changed if each.id in self._before])
        self._unit.holds.add([hold for key, hold in self._holds.items() if key not in self._holds_before])
        self._unit.holds.save([hold for key, hold in self._holds.items() if _ended(hold, self._holds_before.get(key))])
        self.batches.close()
        self._unit.emit(self._facts)

    def _end(self, redemption: Redemption, how: holds.End) -> None:
        hold = self._holds[redemption.hold]
        self._holds[hold.id] = holds.end(self.batches.of(hold.programme), hold, how)

    def _count(self, changed: Sequence[Redemption]) -> None:
        """Write the rewards' counters, each moved by the sum of the differences."""
        stock: dict[UUID, Pieces] = {}
        for after in changed:
            before = self._before.get(after.id)
            pieces = after.pieces.less(before.pieces if before else _NOTHING)
            stock[after.reward] = stock.get(after.reward, _NOTHING).plus(pieces)
        self._unit.rewards.count({key: pieces for key, pieces in stock.items() if pieces.held or pieces.redeemed})


def _ended(hold: Hold, before: Hold | None) -> bool:
    """Whether a hold is another one than it was, or than a new one is."""
    return hold is not before and (before is not None or hold.end_time is not None)
