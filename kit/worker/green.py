"""Make the process cooperative. Only the role `consume` does so, before it imports anything else."""

from __future__ import annotations

import warnings


def patch() -> None:
    """Let eventlet replace the blocking parts of the standard library and of psycopg2."""
    with warnings.catch_warnings():
        # eventlet advises new projects against itself; the decision and the way out are in docs/adr.
        warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
        import eventlet  # noqa: PLC0415 - nothing in this package may load it by being imported

    eventlet.monkey_patch()
