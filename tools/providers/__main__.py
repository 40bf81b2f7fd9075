"""`python -m tools.providers`: run the provider server until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path

from tools.providers.server import serving

_NOTICES = "http://127.0.0.1:8080/v1/paymentNotices"


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
    with serving(arguments.folder, port=arguments.port) as server:
        settings = arguments.folder / "settings.env"
        settings.write_text("".join(f"{name}={value}\n" for name, value in server.settings(arguments.notices).items()))
        print(f"WeChat Pay and Alipay answer at http://{server.address}; the settings of orders are in {settings}.")
        ended = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
        ended.wait()


if __name__ == "__main__":
    main()
