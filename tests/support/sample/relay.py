"""The role `relay` of the service that is named on the command line, with limits that suit tests."""

from __future__ import annotations

import sys
from datetime import timedelta

from kit.relay import Limits, run
from kit.settings import Settings, load

if __name__ == "__main__":
    run(sys.argv[1], load(Settings), Limits(attempts=2, retention=timedelta(days=7)))
