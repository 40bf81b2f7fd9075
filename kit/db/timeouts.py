"""How long PostgreSQL may work, wait and hold locks for a process: every timeout of a session, in one place.

All follow from the longest statement. A lock is waited for less long than that, so that whoever waits learns why, and
frees its connection while the call's deadline still lets the caller ask again. A transaction whose process says nothing
more (it is frozen, or its packets are swallowed) is ended, and others get the rows that it holds.
"""

from __future__ import annotations

_LOCK_SHARE = 0.6
_IDLE_TIMES = 2


def session(*, statement_ms: int) -> dict[str, str]:
    """Settings of a session whose statements may take so many milliseconds; 0, for tools that read much: any time."""
    return {
        "statement_timeout": str(statement_ms),
        "lock_timeout": str(int(statement_ms * _LOCK_SHARE)),
        "idle_in_transaction_session_timeout": str(statement_ms * _IDLE_TIMES),
    }
