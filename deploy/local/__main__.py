"""`python -m deploy.local`: run the suite until a signal comes; one sentence on standard error when it can't."""

from __future__ import annotations

import sys

from deploy.local import launch, options
from deploy.local.problem import Problem
from deploy.local.state import State


def main() -> int:
    """Entry point; the exit status."""
    try:
        launch.run(options.read(), launch.Audience(ready=_ready, say=_say, log_line=lambda _: None))
    except Problem as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


def _ready(state: State) -> None:
    _say(f"Ready: {state.gateway}")


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
