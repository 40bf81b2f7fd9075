"""A cluster of one machine: releases are installed, upgraded and rolled back, Deployments roll, Jobs run first."""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.image.engine import Engine
from tests.cluster.manifests import Manifests, Object, Store
from tests.cluster.network import Doors, Names, Network
from tests.cluster.pods import Pod, clear
from tests.support.waiting import until

_PATIENCE = 300.0


class JobFailed(Exception):
    """A Job of a release failed as often as it may; nothing of the release has been applied."""


@dataclass
class Cluster:
    """What runs, and what was told of it in order (`story`)."""

    engine: Engine
    folder: Path
    network: Network = field(default_factory=Network)
    store: Store = field(default_factory=Store)
    pods: list[Pod] = field(default_factory=list)
    story: list[tuple[float, str]] = field(default_factory=list)
    services: dict[str, Object] = field(default_factory=dict)
    virtual: dict[str, str] = field(default_factory=dict)
    _names: Names | None = None
    _doors: Doors = field(default_factory=Doors)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        """Network and names."""
        clear(self.engine)
        self.network.start()
        self._names = Names(self.endpoints, self.virtual)
        self._names.start()

    def stop(self) -> None:
        """End every pod at once."""
        for pod in list(self.pods):
            self._forget(pod)
        self.network.stop()
        self._doors.close()
        if self._names is not None:
            self._names.stop()

    def outside(self, address: str, port: int, target: tuple[str, int]) -> None:
        """Let pods reach something that runs beside the cluster on this machine."""
        self._doors.open(address, port, lambda: [target])

    def endpoints(self, service: str) -> list[str]:
        """The addresses of a service's ready pods."""
        found = self.services.get(service)
        return [pod.address for pod in self.chosen(found["spec"]["selector"]) if pod.ready] if found else []

    def chosen(self, labels: Mapping[str, str]) -> list[Pod]:
        """The pods with all these labels that are not stopping."""
        return [pod for pod in list(self.pods) if labels.items() <= pod.labels.items() and not pod.stopping]

    def install(self, manifests: Manifests) -> None:
        """As `helm install --wait`."""
        self._apply(manifests, "pre-install")

    def upgrade(self, manifests: Manifests) -> None:
        """As `helm upgrade --wait`: first the Jobs; what was there stays as it is if one of them fails."""
        self._apply(manifests, "pre-upgrade")

    def rollback(self, manifests: Manifests) -> None:
        """As `helm rollback --wait`: it runs no hook of an upgrade."""
        self._apply(manifests, "pre-rollback")

    def job(self, item: Object) -> Pod:
        """Run a Job, or a Pod that ends, to its end; raises JobFailed."""
        spec = item["spec"]
        template = spec["template"] if item["kind"] == "Job" else {"metadata": item["metadata"], "spec": spec}
        for _ in range(spec.get("backoffLimit", 0) + 1):
            pod = self._pod(item["metadata"]["name"], template)
            pod.start(self.store)
            status = pod.wait()
            self._forget(pod)
            if status == 0:
                return pod
        raise JobFailed(f"{item['metadata']['name']}:\n{(pod.folder / 'log').read_text()[-2_000:]}")

    def tell(self, what: str) -> None:
        """One more line of the story."""
        self.story.append((time.monotonic(), what))

    def when(self, *words: str) -> list[float]:
        """The moments of the story in which all these words are told."""
        return [moment for moment, line in self.story if all(word in line for word in words)]

    def _apply(self, manifests: Manifests, event: str) -> None:
        for item in manifests.hooks(event):
            if item["kind"] in ("ConfigMap", "Secret"):
                self.store.add(item)
            elif item["kind"] == "Job":
                self.job(item)
        for kind in ("ConfigMap", "Secret"):
            for item in manifests.of(kind):
                self.store.add(item)
        for service in manifests.of("Service"):
            self._serve(service)
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(self._roll, manifests.of("Deployment")))

    def _serve(self, service: Object) -> None:
        name, spec = service["metadata"]["name"], service["spec"]
        known = name in self.services
        self.services[name] = service
        if spec.get("clusterIP") == "None" or known:
            return
        self.virtual[name] = f"192.0.2.{10 + len(self.virtual)}"
        self.network.lend(self.virtual[name])
        for port in spec["ports"]:
            self._doors.open(self.virtual[name], port["port"], self._behind(name, port["targetPort"]))

    def _behind(self, name: str, target: str | int) -> Callable[[], Sequence[tuple[str, int]]]:
        def ready() -> list[tuple[str, int]]:
            pods = [pod for pod in self.chosen(self.services[name]["spec"]["selector"]) if pod.ready]
            return [(pod.address, target if isinstance(target, int) else pod.ports[target]) for pod in pods]

        return ready

    def _roll(self, deployment: Object) -> None:
        """Bring a Deployment to its template, by its own strategy."""
        spec = deployment["spec"]
        template, wanted = spec["template"], spec.get("replicas", 1)
        stamp = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:8]
        selector = spec["selector"]["matchLabels"]
        if not selector.items() <= template["metadata"]["labels"].items():
            raise ValueError(f"{deployment['metadata']['name']} selects other pods than it makes")
        old = [pod for pod in self.chosen(selector) if pod.labels["pod-template-hash"] != stamp]
        new = [pod for pod in self.chosen(selector) if pod not in old]
        surge, away = _pace(spec.get("strategy", {}), wanted)
        name = f"{deployment['metadata']['name']}-{stamp}"
        ends: list[threading.Thread] = []
        while len(new) < wanted or old:
            ends += [self._end(pod) for pod in _leaving(old, new, wanted - away)]
            if spec.get("strategy", {}).get("type") == "Recreate":
                _joined(ends)
            while len(new) < wanted and len(old) + len(new) < wanted + surge:
                new.append(self._begin(name, template, stamp))
            self._settle(old, new, wanted, away)
        _joined(ends)

    def _settle(self, old: list[Pod], new: list[Pod], wanted: int, away: int) -> None:
        """Wait until the next step may be taken."""
        enough = wanted - away + 1 if old else wanted
        goal = min(enough, len(old) + len(new))
        until(
            lambda: len(_ready(old)) + len(_ready(new)) >= goal and len(_ready(new)) == len(new),
            within=_PATIENCE,
            what=f"{[pod.name for pod in new]} ready",
        )

    def _begin(self, name: str, template: Object, stamp: str) -> Pod:
        pod = self._pod(name, template, {"pod-template-hash": stamp})
        pod.start(self.store)
        return pod

    def _end(self, pod: Pod) -> threading.Thread:
        def end() -> None:
            pod.stop()
            self.pods.remove(pod)

        # At once, so that no other step counts it as ready.
        pod.stopping, pod.ready = True, False
        thread = threading.Thread(target=end)
        thread.start()
        return thread

    def _pod(self, name: str, template: Object, more: Mapping[str, str] | None = None) -> Pod:
        with self._lock:
            full = f"{name}-{next(self._numbers)}"
            labels: dict[str, Any] = {**template["metadata"]["labels"], **(more or {})}
            pod = Pod(full, labels, template["spec"], self.engine, self.network, self.folder / full, self.tell)
            self.pods.append(pod)
        return pod

    def _forget(self, pod: Pod) -> None:
        pod.remove()
        self.pods.remove(pod)


def _ready(pods: list[Pod]) -> list[Pod]:
    return [pod for pod in pods if pod.ready and not pod.stopping]


def _leaving(old: list[Pod], new: list[Pod], least: int) -> list[Pod]:
    """Take from `old` those that may go now: first those that do not work, then what is more than `least`."""
    gone = [pod for pod in old if not pod.ready]
    spare = max(0, len(_ready(old)) + len(_ready(new)) - least)
    gone += [pod for pod in old if pod.ready][:spare]
    for pod in gone:
        old.remove(pod)
    return gone


def _joined(ends: list[threading.Thread]) -> None:
    for end in ends:
        end.join()


def _pace(strategy: Mapping[str, Any], wanted: int) -> tuple[int, int]:
    """How many pods may be too many, and how many may be away, while a Deployment rolls."""
    if strategy.get("type") == "Recreate":
        return 0, wanted
    pace = strategy.get("rollingUpdate", {})
    return pace.get("maxSurge", 1), pace.get("maxUnavailable", 0)
