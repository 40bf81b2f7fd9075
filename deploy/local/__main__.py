"""`python -m deploy.local`: run the suite until a signal comes; one sentence on standard error when it can't."""

from __future__ import annotations

import sys

from deploy.local import launch, options
from deploy.local.problem import explained
from deploy.local.state import State


@explained()
def main() -> None:
    """Entry point."""
    launch.run(options.read(), launch.Audience(ready=_ready, say=_say, log_line=lambda _: None))


def _ready(state: State) -> None:
    _say(f"Ready: {state.gateway}")


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
