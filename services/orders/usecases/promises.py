"""What was sold and is not there: by mistake, which never happens, or as a promise."""

from __future__ import annotations

from typing import Protocol


class StockProof(Protocol):
    """Comparisons of the stock."""

    def promised(self) -> tuple[int, int]:
        """Units that somebody holds and that are not on hand; and units that are promised before they arrive."""


class Work(Protocol):
    """What this use-case needs of a unit of work."""

    @property
    def stock_proof(self) -> StockProof:
        """Comparisons of the stock."""


def promised(unit: Work) -> tuple[int, int]:
    """Units that were oversold, and units that are awaited."""
    return unit.stock_proof.promised()
