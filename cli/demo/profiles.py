"""The history as marketing sees it: how recently, often and much everybody bought, by the scores of campaigns."""

from __future__ import annotations

from cli.demo.history import cdnow_file
from cli.demo.reconcile_file import expect, scores
from cli.demo.scene import Json, Scene

_END = "1998-07-01T00:00:00Z"
"""The day after the history's last."""


def play(scene: Scene) -> None:
    """The RFM table at the end of the history, by REST, against scores that are worked out from the file."""
    table = scene.get("rfmTables/USD", asOf=_END)
    found = {_score(cell["score"]): int(cell["profileCount"]) for cell in table.get("cells", [])}
    wanted = scores(expect(cdnow_file()).spendings.values())
    scene.check("the RFM table of the history is that of the file", found == wanted, f"{len(found)} cells")


def _score(score: Json) -> tuple[int, int, int]:
    return score["recency"], score["frequency"], score["monetary"]
