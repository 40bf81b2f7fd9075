"""Lets lots expire until none is due, as the timer does; prints how many, in how many seconds, and the longest
transaction, which is the longest that a lock was held."""

from __future__ import annotations

import json
import sys
from functools import partial
from time import perf_counter

from kit.db import Database
from services.members import publish
from services.members.storage.unit import MembersUnit
from services.members.usecases import expiry
from tests.support.keyring import VAULT


def main(url: str) -> None:
    """Sweep once through all that is due."""
    database = Database(url, partial(MembersUnit, publish=publish.to_event, vault=VAULT))
    swept, longest, started = 0, 0.0, perf_counter()
    nothing = 0
    while nothing < 2:  # what another sweeper has just done may leave one round without anything
        begun = perf_counter()
        gone = database.write(expiry.expire)
        longest = max(longest, perf_counter() - begun)
        nothing = 0 if gone else nothing + 1
        swept += gone
    print(json.dumps({"lots": swept, "seconds": perf_counter() - started, "longest": longest}))


if __name__ == "__main__":
    main(sys.argv[1])
