"""What stores collected and honoured for stored value in a period, and what they owe each other for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.members.domain.stored_value import ISSUER, NOTHING, Parts


@dataclass(frozen=True, slots=True)
class Line:
    """A store, or the issuer: what came in there and what was paid with it there, less what went back."""

    store: str
    collected: Parts
    honoured: Parts

    @property
    def net(self) -> Parts:
        """What it is to get for the one and to give for the other."""
        return self.honoured.less(self.collected)


@dataclass(frozen=True, slots=True)
class Settlement:
    """The stores of a period. The issuer is the other side of all of them, so that everything sums to zero: it gets
    what was paid in and owes it to the members until they have spent it."""

    currency: str
    start: datetime
    end: datetime
    stores: Sequence[Line]

    @property
    def issuer(self) -> Line:
        """The other side of all stores."""
        collected = honoured = NOTHING
        for line in self.stores:
            collected, honoured = collected.plus(line.collected), honoured.plus(line.honoured)
        return Line(ISSUER, NOTHING.less(collected), NOTHING.less(honoured))
