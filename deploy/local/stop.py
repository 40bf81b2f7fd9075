"""Stopping a suite that somebody else started, or that was killed."""

from __future__ import annotations

import os
import signal
import time

from deploy.local import leftovers
from deploy.local.folder import Folder
from deploy.local.problem import Problem
from deploy.local.state import holder

_SECONDS = 120.0
_LOOK_SECONDS = 0.1


def stop(folder: Folder) -> bool:
    """Stop the suite that runs in a folder and what a killed one left there. False when there was nothing."""
    pid = holder(folder)
    if pid is None:
        return leftovers.remove(folder) > 0
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _SECONDS
    while holder(folder) == pid:
        if time.monotonic() > deadline:
            raise Problem(f"The suite (process {pid}) does not stop; end it with `kill -9 {pid}` and run this again.")
        time.sleep(_LOOK_SECONDS)
    return True
