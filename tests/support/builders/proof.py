"""Manual acts, with sensible values for all that a test does not care about."""

from __future__ import annotations

from typing import Any

from services.members.domain.audit import Act, Author

AUTHOR = Author("tester", "kehu.members.v1.LedgerService/BatchAdjustPoints")


def act(subject: str = "members/1", **fields: Any) -> Act:
    """An act on a subject."""
    return Act(
        **{
            "author": AUTHOR,
            "subject": subject,
            "reason": "goodwill",
            "before": {"available": 0},
            "after": {"available": 10},
            **fields,
        }
    )
