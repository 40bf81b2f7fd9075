"""The reckoning: everything recomputed from the file and the four databases, and compared. No counter is trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cli.demo import reconcile_effects, reconcile_history
from cli.demo.databases import Databases
from cli.demo.reckoning import Comparison
from cli.demo.reconcile_file import expect
from cli.demo.reconcile_history import History
from kit.vault import Vault


@dataclass(frozen=True)
class Reckoning:
    """What was compared, and the line that says it all."""

    history: History
    comparisons: list[Comparison]

    @property
    def holds(self) -> bool:
        """Whether nothing differs."""
        return all(comparison.holds for comparison in self.comparisons)

    @property
    def line(self) -> str:
        """The last line of the demo."""
        if not self.holds:
            return "NOT RECONCILED"
        lost = sum(comparison.lost for comparison in self.comparisons)
        duplicated = sum(comparison.duplicated for comparison in self.comparisons)
        history = self.history
        return (
            f"RECONCILED customers={history.customers} orders={history.orders} items={history.items} "
            f"revenue={history.revenue // 100}.{history.revenue % 100:02} points={history.points} "
            f"tiers={history.upgrades} events_lost={lost} effects_duplicated={duplicated}"
        )


def reconcile(file: Path, found: Databases, vault: Vault, *, tell: Callable[[Comparison], None]) -> Reckoning:
    """Compare what must follow from the file with what the databases hold; `tell` hears of each comparison.

    The vault knows the hashes by which members finds its customers.
    """
    history, comparisons = reconcile_history.reconcile(expect(file), found, vault)
    comparisons += reconcile_effects.reconcile(found)
    for comparison in comparisons:
        tell(comparison)
    return Reckoning(history, comparisons)
