"""Where a run finds its arena: in a fresh suite, or in one that runs."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from deploy.local.suite import Running, Suite
from faults import namespace, shop
from faults.arena import Arena
from faults.cluster import Cluster, cluster
from faults.evidence import Evidence
from faults.proxy import proxy

_ENVIRONMENT = {"KEHU_QUICK_DEATHS": "1000"}
"""What is killed here is to be started again, however often."""


@contextmanager
def arena(folder: Path | None = None, *, small_disks: int = 0, clustered: bool = False) -> Iterator[Arena]:
    """A fresh suite with a shop, gone at the end of the block; or the one that runs in a folder.

    With `small_disks`, PostgreSQL and RabbitMQ each have a disk of so many MiB. `clustered`, the broker has three nodes
    behind one address.
    """
    # Asked to go, leave in order: what runs is stopped, and the folder removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if folder is not None:
        yield _arena(Running(folder))
        return
    with tempfile.TemporaryDirectory(prefix="kehu-faults-") as made, ExitStack() as stack:
        run = Path(made) / "run"
        # PostgreSQL may run as another account, which must pass through.
        Path(made).chmod(0o711)
        for name in ("postgres", "rabbitmq") if small_disks else ():
            (run / name).mkdir(parents=True)
            namespace.mount_small(str(run / name), small_disks)
            stack.callback(namespace.unmount, str(run / name))
        nodes = stack.enter_context(cluster(Path(made) / "brokers")) if clustered else None
        environment = dict(_ENVIRONMENT)
        if nodes is not None:
            balancer = stack.enter_context(proxy(*(each.port for each in nodes.members)))
            environment["KEHU_BROKER_URL"] = nodes.url(balancer.port)
        yield _arena(stack.enter_context(Suite(run, environment=environment)), nodes)


def _arena(suite: Running, nodes: Cluster | None = None) -> Arena:
    return Arena(suite, shop.opened(suite), Evidence(suite.state.databases), cluster=nodes)
