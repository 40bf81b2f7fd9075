"""The ceiling of a consumer: nameko as it comes, whose handler does nothing with a message but let it be acknowledged.

`python -m bench.worker_noop queue workers` with KEHU_BROKER_URL. So many handlers at once are also as many messages as
the broker hands out before the first is acknowledged.
"""

from __future__ import annotations

from kit.worker.green import patch

patch()

import os  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402

import eventlet  # noqa: E402
import nameko  # noqa: E402
from kombu import Queue  # type: ignore[attr-defined]  # noqa: E402
from nameko.messaging import consume  # noqa: E402
from nameko.runners import ServiceRunner  # noqa: E402


def service(queue: str) -> type:
    """A service that takes the messages of a queue that is there already."""

    class Noop:
        name = "noop"

        @consume(queue=Queue(queue, no_declare=True))  # type: ignore[untyped-decorator,no-untyped-call]  # nameko has no types
        def take(self, _body: object) -> None:
            """Nothing."""

    return Noop


def main(queue: str, workers: int) -> None:
    """Consume until SIGTERM."""
    nameko.config.setup({"AMQP_URI": os.environ["KEHU_BROKER_URL"], "max_workers": workers, "prefetch_count": workers})
    runner = ServiceRunner()
    runner.add_service(service(queue))
    signal.signal(signal.SIGTERM, lambda *_: eventlet.spawn(runner.kill))
    runner.start()
    runner.wait()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
