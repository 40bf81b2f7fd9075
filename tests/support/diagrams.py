"""State diagrams of the docs (mermaid), as the arrows that are drawn in them."""

from __future__ import annotations

import re
from pathlib import Path

_DIAGRAM = re.compile(r"```mermaid\nstateDiagram-v2\n(.*?)```", re.DOTALL)
DOCS = Path(__file__).resolve().parents[2] / "docs"


def diagrams(page: str) -> list[set[str]]:
    """The arrows of each state diagram of a page, such as `OPEN --> PLACED` or `PLANNED --> TRYING: ASK`; those from
    and to the outside are left out."""
    drawn = _DIAGRAM.findall((DOCS / page).read_text())
    return [{line.strip() for line in each.splitlines() if "-->" in line and "[*]" not in line} for each in drawn]
