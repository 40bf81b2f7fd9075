"""Adjustments: points given or taken by hand, in rows of which each is judged alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from kit import names
from kit.errors import Fault
from kit.posting import Cause
from services.members.domain.adjustment import Adjustment
from services.members.domain.audit import Act, Author
from services.members.domain.points import Wallet
from services.members.domain.programme import DEFAULT
from services.members.usecases import ports
from services.members.usecases.audit import Audit
from services.members.usecases.batches import Batches
from services.members.usecases.points import Batch, attempt


class Adjustments(Protocol):
    """The adjustments that were posted."""

    def read(self, row_ids: Collection[str]) -> dict[str, Adjustment]:
        """Those with these ids."""

    def add(self, adjustments: Sequence[Adjustment], author: Author) -> None:
        """Keep new ones. Raises `kit.idempotency.Raced` when an id was used meanwhile."""


class Unit(ports.Unit, Protocol):
    """What adjustments need of a unit of work."""

    @property
    def adjustments(self) -> Adjustments:
        """What was posted."""

    @property
    def audit(self) -> Audit:
        """The trail of manual acts."""


@dataclass(frozen=True, slots=True)
class AdjustPoints:
    """Give or take points by hand; a row that could not even be read is given as its Fault."""

    author: Author
    rows: Sequence[Adjustment | Fault]


class RowState(StrEnum):
    """What became of a row."""

    POSTED = "POSTED"
    UNCHANGED = "UNCHANGED"


class AdjustedRow(NamedTuple):
    """A row that was posted, now or before, with the wallet after it if now."""

    state: RowState
    wallet: Wallet | None = None


def adjust(unit: Unit, command: AdjustPoints) -> list[AdjustedRow | Fault]:
    """Post rows in their order; answers each. A row that was posted before changes nothing, however long ago."""
    good = [row for row in command.rows if isinstance(row, Adjustment)]
    batches = Batches(unit, {row.member for row in good})
    batches.open((row.programme, row.member) for row in good)
    batches.spending((row.programme, row.member, -row.points) for row in good if row.points < 0)
    sheet = _Sheet(batches, unit.adjustments.read({row.row_id for row in good}))
    outcomes = [row if isinstance(row, Fault) else attempt(sheet.enter, row, command.author) for row in command.rows]
    unit.adjustments.add(sheet.posted, command.author)
    unit.audit.record(*sheet.acts)
    batches.close()
    return outcomes


class _Sheet:
    """The adjustments of one call while its rows are entered one by one."""

    def __init__(self, batches: Batches, known: dict[str, Adjustment]) -> None:
        self.posted: list[Adjustment] = []
        self.acts: list[Act] = []
        self._batches = batches
        self._known = known

    def enter(self, row: Adjustment, author: Author) -> AdjustedRow:
        """Post one row. Raises a Fault when it can't be used, there is no such member or programme, or it takes more
        than is available."""
        row.check()
        if row.row_id in self._known and row.repeats(self._known[row.row_id]):
            return AdjustedRow(RowState.UNCHANGED)
        owner, batch = self._batches.owner(row.member), self._batches.of(row.programme)
        before = batch.wallet(owner)
        after = self._post(batch, before, row)
        self._known[row.row_id] = row
        self.posted.append(row)
        self.acts.append(
            Act(
                author,
                names.join("members", row.member),
                row.reason,
                before=_shown(before, row.programme),
                after={**_shown(after, row.programme), "source": row.source},
            )
        )
        return AdjustedRow(RowState.POSTED, after)

    def _post(self, batch: Batch, wallet: Wallet, row: Adjustment) -> Wallet:
        cause = Cause("ADJUST", row.source, batch.now)
        if row.points > 0:
            terms = self._batches.programme(row.programme).terms_at_once(cause.time)
            return batch.earn(wallet, row.points, cause, terms)
        after = batch.post(*wallet.deduct(-row.points, cause))
        batch.facts.append(after.earned(row.points, cause))
        return after


def _shown(wallet: Wallet, programme: str) -> dict[str, int | str]:
    shown: dict[str, int | str] = {"available": wallet.available, "receivable": wallet.receivable}
    return shown if programme == DEFAULT else {**shown, "programme": programme}
