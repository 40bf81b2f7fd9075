"""The stages of an opportunity, as a table: their order, and what it takes to be in each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from kit.errors import invalid
from services.pipeline.domain import errors


class Need(StrEnum):
    """What a stage may ask for; the word tells a caller what is missing."""

    AMOUNT = "amount"
    CLOSE_DATE = "close_date"
    BUYER = "economic_buyer_or_decider"
    ACCEPTED_QUOTE = "accepted_quote"
    REASON = "reason"
    COMPETITOR = "competitor"


@dataclass(frozen=True, slots=True)
class Stage:
    """A row of the table. `needs` are its own; it also needs what the stages before it need."""

    key: str
    needs: tuple[Need, ...] = ()


class Step(StrEnum):
    """How a move goes through the table."""

    FORWARD = "FORWARD"
    SKIP = "SKIP"
    BACK = "BACK"


@dataclass(frozen=True, slots=True)
class Stages:
    """The table: open stages in their order, then the one that wins and the one that loses."""

    open: tuple[Stage, ...]
    won: Stage
    lost: Stage

    @property
    def first(self) -> str:
        """Where every opportunity begins."""
        return self.open[0].key

    @property
    def way(self) -> Sequence[str]:
        """The stages on the way to the win, in order."""
        return [stage.key for stage in (*self.open, self.won)]

    @property
    def all(self) -> Sequence[Stage]:
        """Every stage, the final ones last."""
        return [*self.open, self.won, self.lost]

    def require_known(self, key: str, *, field: str) -> None:
        """Refuse a stage that isn't in the table."""
        if key not in (stage.key for stage in self.all):
            raise invalid(field, f"must be one of {', '.join(stage.key for stage in self.all)}")

    def is_final(self, key: str) -> bool:
        """Whether nothing comes after this stage."""
        return key in (self.won.key, self.lost.key)

    def step(self, from_key: str, to_key: str) -> Step:
        """How a move between two stages on the way goes. Raises a Fault when the table has no such step."""
        way = self.way
        if self.is_final(from_key) or from_key == to_key or to_key not in way:
            raise errors.stage_step_unknown(from_key, to_key)
        distance = way.index(to_key) - way.index(from_key)
        if distance < 0:
            return Step.BACK
        return Step.FORWARD if distance == 1 else Step.SKIP

    def require(self, key: str, present: AbstractSet[Need]) -> None:
        """Refuse to be in a stage without all that it needs; whoever skips stages still needs what they need."""
        missing = [need for need in self._needs(key) if need not in present]
        if missing:
            raise errors.stage_gate_shut(key, missing)

    def _needs(self, key: str) -> Iterable[Need]:
        if key == self.lost.key:
            return self.lost.needs
        until = self.way.index(key)
        return [need for stage in (*self.open, self.won)[: until + 1] for need in stage.needs]


STAGES = Stages(
    open=(
        Stage("QUALIFY"),
        Stage("DEVELOP", needs=(Need.AMOUNT,)),
        Stage("PROPOSE", needs=(Need.CLOSE_DATE,)),
        Stage("NEGOTIATE", needs=(Need.BUYER,)),
    ),
    won=Stage("WON", needs=(Need.ACCEPTED_QUOTE,)),
    lost=Stage("LOST", needs=(Need.REASON, Need.COMPETITOR)),
)
"""The stages of every opportunity."""
