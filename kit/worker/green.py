"""Make the process cooperative. Only the role `consume` does so, before it imports anything else."""

from __future__ import annotations

import os
import warnings


def patch() -> None:
    """Let eventlet replace the blocking parts of the standard library and of psycopg2."""
    # Its own resolver does not heed all of resolv.conf, and little is won: libpq blocks on names anyway.
    os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")
    with warnings.catch_warnings():
        # eventlet advises new projects against itself; the decision and the way out are in docs/adr.
        warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
        import eventlet  # noqa: PLC0415 - nothing in this package may load it by being imported

    eventlet.monkey_patch()
