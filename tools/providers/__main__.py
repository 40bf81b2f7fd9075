"""`python -m tools.providers`: run the provider server until Ctrl-C."""

from __future__ import annotations

import argparse
import shlex
import signal
from pathlib import Path

from tools.providers.server import serving

_ENDS = {signal.SIGINT, signal.SIGTERM}


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m tools.providers", description=__doc__)
    parser.add_argument("--port", type=int, default=9080, help="where it listens on 127.0.0.1 (default: %(default)s)")
    parser.add_argument("--folder", type=Path, default=Path(".run/providers"), help="where the keys are written")
    parser.add_argument(
        "--notices",
        default="http://127.0.0.1:8080/v1/paymentNotices",
        help="where the notice URLs begin (default: %(default)s)",
    )
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    # Before any thread begins: each inherits this, so that the signal waits for us.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    with serving(folder, port=arguments.port) as server:
        settings = folder / "settings.env"
        settings.write_text(
            "".join(f"{name}={shlex.quote(value)}\n" for name, value in server.settings(arguments.notices).items())
        )
        print(
            f"WeChat Pay and Alipay answer at http://{server.address}; the settings of orders are in {settings}.",
            flush=True,
        )
        signal.sigwait(_ENDS)
        settings.unlink()


if __name__ == "__main__":
    main()
