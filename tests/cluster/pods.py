"""One pod: its template turned into `podman run`, its probes asked, and its end as the kubelet brings it about."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.image.engine import Engine
from tests.cluster.manifests import Store, check, environment
from tests.cluster.network import DOMAIN, HOST, Interface, Network
from tests.cluster.probes import well

_RESOLVER = f"nameserver {HOST}\nsearch {DOMAIN}\noptions ndots:5\n"
LABEL = "dev.kehu.run=cluster"
_MEMORY = {"Ki": "k", "Mi": "m", "Gi": "g"}


@dataclass
class Pod:
    """A pod of one container. `start`, then `watch` until it is stopped."""

    name: str
    labels: Mapping[str, str]
    spec: Mapping[str, Any]
    engine: Engine
    network: Network
    folder: Path
    tell: Callable[[str], None]
    ready: bool = False
    stopping: bool = False
    restarts: int = 0
    status: int | None = None
    """What the process ended with."""
    _interface: Interface | None = None
    _leaving: threading.Event = field(default_factory=threading.Event)
    _watcher: threading.Thread | None = None

    @property
    def address(self) -> str:
        """The pod's own address."""
        if self._interface is None:
            raise RuntimeError(f"{self.name} has not been started")
        return self._interface.address

    @property
    def container(self) -> Mapping[str, Any]:
        """Its one container."""
        found: Mapping[str, Any] = self.spec["containers"][0]
        return found

    @property
    def ports(self) -> dict[str, int]:
        """The container's ports by name."""
        return {port["name"]: port["containerPort"] for port in self.container.get("ports", [])}

    def start(self, store: Store) -> None:
        """Start the container, and ask its probes in a thread."""
        check(self.spec)
        self._interface = self.network.join(self.name)
        command = ["run", "--detach", "--name", self.name, *self.engine.run_options, *self._options(store)]
        self.engine.run(*command, self.container["image"], *self._rest())
        self.tell(f"{self.name} started")
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def wait(self) -> int:
        """The status that the process of a Job ends with."""
        self.status = int(self.engine.run("wait", self.name).strip())
        self.tell(f"{self.name} ended with {self.status}")
        return self.status

    def stop(self) -> None:
        """Out of the endpoints at once; then preStop, SIGTERM, and SIGKILL when its grace is over."""
        self.stopping, self.ready = True, False
        self._leaving.set()
        self.tell(f"{self.name} told to stop")
        ends = time.monotonic() + self.spec.get("terminationGracePeriodSeconds", 30)
        self._before_stop()
        left = max(2, int(ends - time.monotonic()))
        self.engine.run("stop", "--time", str(left), self.name)
        self.status = int(self.engine.run("inspect", "--format", "{{.State.ExitCode}}", self.name))
        self.tell(f"{self.name} stopped with {self.status}")
        self.remove()

    def remove(self) -> None:
        """Give back everything; its log stays in the pod's folder."""
        self._leaving.set()
        if self._watcher is not None:
            self._watcher.join()
        with (self.folder / "log").open("w") as log:
            subprocess.run([*self.engine.command, "logs", self.name], stdout=log, stderr=log, check=False)
        self.engine.run("rm", "--force", "--volumes", self.name)
        if self._interface is not None:
            self.network.leave(self._interface)
            self._interface = None
        shutil.rmtree(self.folder / "volumes", ignore_errors=True)

    def _before_stop(self) -> None:
        hook = self.container.get("lifecycle", {}).get("preStop", {})
        if "sleep" in hook:
            time.sleep(hook["sleep"]["seconds"])
        elif "exec" in hook:
            self.engine.run("exec", self.name, *hook["exec"]["command"])
        elif hook:
            raise NotImplementedError(f"the runner does not know preStop {sorted(hook)}")

    def _watch(self) -> None:
        """First the startup probe alone; then readiness and liveness, each at its own pace."""
        address = self.address
        startup = self.container.get("startupProbe")
        failures = 0
        while startup and not well(startup, address, self.ports):
            failures += 1
            if failures >= startup.get("failureThreshold", 3):
                failures = 0
                self._restart("did not start")
            if self._leaving.wait(startup.get("periodSeconds", 10)):
                return
        due = {kind: time.monotonic() for kind in ("readinessProbe", "livenessProbe") if kind in self.container}
        failed = dict.fromkeys(due, 0)
        while due:
            kind = min(due, key=lambda name: due[name])
            if self._leaving.wait(max(0.0, due[kind] - time.monotonic())):
                return
            probe = self.container[kind]
            failed[kind] = 0 if well(probe, address, self.ports) else failed[kind] + 1
            due[kind] = time.monotonic() + probe.get("periodSeconds", 10)
            self._judge(kind, failed[kind], probe.get("failureThreshold", 3))

    def _judge(self, kind: str, failures: int, threshold: int) -> None:
        if kind == "livenessProbe":
            if failures >= threshold:
                self._restart("is not alive")
            return
        if (ready := failures == 0) != self.ready and (ready or failures >= threshold) and not self.stopping:
            self.ready = ready
            self.tell(f"{self.name} {'is ready' if ready else 'is not ready'}")

    def _restart(self, why: str) -> None:
        self.restarts += 1
        self.tell(f"{self.name} {why} and is restarted")
        self.engine.run("restart", "--time", "5", self.name)

    def _options(self, store: Store) -> Iterator[str]:
        security, pod = self.container["securityContext"], self.spec.get("securityContext", {})
        path = self._interface.path if self._interface else ""
        yield f"--label={LABEL}"
        yield from ("--hostname", self.name, f"--add-host={self.name}:{self.address}", f"--network=ns:{path}")
        yield from (f"--user={pod['runAsUser']}", f"--group-add={pod['fsGroup']}")
        if security.get("readOnlyRootFilesystem"):
            yield from ("--read-only", "--read-only-tmpfs=false")
        if not security.get("allowPrivilegeEscalation", True):
            yield "--security-opt=no-new-privileges"
        yield from (f"--cap-drop={name}" for name in security.get("capabilities", {}).get("drop", []))
        limits = self.container.get("resources", {}).get("limits", {})
        if "memory" in limits:
            yield f"--memory={limits['memory'][:-2]}{_MEMORY[limits['memory'][-2:]]}"
        if "cpu" in limits:
            cpu = str(limits["cpu"])
            yield f"--cpus={int(cpu[:-1]) / 1000 if cpu.endswith('m') else float(cpu)}"
        yield from (part for name, value in environment(self.container, store) for part in ("--env", f"{name}={value}"))
        yield from self._volumes(store, pod["fsGroup"])

    def _volumes(self, store: Store, group: int) -> Iterator[str]:
        resolver = self.folder / "resolv.conf"
        self.folder.mkdir(parents=True)
        resolver.write_text(_RESOLVER)
        yield f"--volume={resolver}:/etc/resolv.conf:ro"
        volumes = {volume["name"]: volume for volume in self.spec.get("volumes", [])}
        for mount in self.container.get("volumeMounts", []):
            volume = volumes[mount["name"]]
            if "emptyDir" in volume:
                size = volume["emptyDir"].get("sizeLimit", "64Mi")
                yield f"--tmpfs={mount['mountPath']}:rw,mode=1777,size={size[:-2]}{_MEMORY[size[-2:]]}"
                continue
            place = self.folder / "volumes" / mount["name"]
            _fill(place, store.files(volume), group, volume.get("secret", {}).get("defaultMode", 0o644))
            yield f"--volume={place}:{mount['mountPath']}:ro"

    def _rest(self) -> list[str]:
        """Kubernetes' `command` takes the place of the image's entry point; none of ours has one."""
        return [*self.container.get("command", []), *self.container.get("args", [])]


def clear(engine: Engine) -> None:
    """Remove what a run that was killed has left behind."""
    left = engine.run("ps", "--all", "--filter", f"label={LABEL}", "--format", "{{.Names}}").split()
    for name in left:
        engine.run("rm", "--force", "--volumes", name)
        subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def _fill(place: Path, files: Mapping[str, bytes], group: int, mode: int) -> None:
    place.mkdir(parents=True)
    for name, data in files.items():
        path = place / name
        path.write_bytes(data)
        shutil.chown(path, 0, group)
        path.chmod(mode)
