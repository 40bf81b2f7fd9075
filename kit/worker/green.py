"""Make the process cooperative. Only the role `consume` does so, before it imports anything else."""

from __future__ import annotations

import warnings


def patch() -> None:
    """Let eventlet replace the blocking parts of the standard library and of psycopg2."""
    with warnings.catch_warnings():
        # eventlet says of itself that new projects should not choose it; the decision and the way out are in docs/adr.
        warnings.simplefilter("ignore", DeprecationWarning)
        import eventlet  # noqa: PLC0415 - nothing in this package may load it by being imported

    eventlet.monkey_patch()
