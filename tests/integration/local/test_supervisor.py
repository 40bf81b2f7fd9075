import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local import ports
from deploy.local.account import Account
from deploy.local.problem import Problem
from deploy.local.supervisor import Child, Remote, Stage, Supervisor
from tests.support import waiting


def until(holds: Callable[[], object], what: str) -> None:
    waiting.until(holds, within=20, what=what)


def child(name: str, script: str, *, stage: Stage = Stage.SERVICES, **environment: str) -> Child:
    command = Account().run(["sh", "-c", script], death_signal="KILL")
    return Child(name, stage, command, environment, patience=5)


@pytest.fixture
def supervisor(tmp_path: Path) -> Supervisor:
    (tmp_path / "logs").mkdir()
    return Supervisor(tmp_path / "supervisord.conf", tmp_path / "logs", ports.free(1)[0], "secret")


@pytest.fixture
def launch(supervisor: Supervisor) -> Iterator[Callable[..., Remote]]:
    started: list[subprocess.Popen[bytes]] = []

    def launch(*children: Child) -> Remote:
        started.append(supervisor.launch(children, environment={}))
        remote = Remote(supervisor.url)
        remote.start(children)
        return remote

    yield launch
    for process in started:
        process.terminate()
        process.wait(20)


def pid(remote: Remote, name: str) -> int | None:
    return remote.states()[name].pid


def test_what_a_child_says_is_in_its_log(supervisor: Supervisor, launch: Callable[..., Remote]) -> None:
    launch(child("talker", 'echo "out $WORD"; echo err >&2; exec sleep 60', WORD="100% of it"))

    until(lambda: (supervisor.logs / "talker.log").read_text() == "out 100% of it\nerr\n", "both lines")


def test_a_killed_child_is_started_again(supervisor: Supervisor, launch: Callable[..., Remote]) -> None:
    remote = launch(child("victim", "exec sleep 60"))
    first = pid(remote, "victim")
    assert first is not None

    os.kill(first, signal.SIGKILL)

    until(lambda: pid(remote, "victim") not in (None, first), "the new process")
    assert "exited: victim (terminated by SIGKILL; not expected)" in supervisor.log.read_text()


def test_a_stopped_child_stays_stopped_until_it_is_resumed(launch: Callable[..., Remote]) -> None:
    remote = launch(child("worker", "exec sleep 60"))

    remote.stop("worker")
    assert pid(remote, "worker") is None

    remote.resume("worker")
    until(lambda: pid(remote, "worker"), "the new process")


def test_services_stop_before_what_they_stand_on(tmp_path: Path, supervisor: Supervisor) -> None:
    said = tmp_path / "said"
    script = f'trap "echo $NAME >> {said}; exit" TERM; echo up; while :; do sleep 0.05; done'
    children = [
        child("service", script, NAME="service"),
        child("platform", script, stage=Stage.PLATFORM, NAME="platform"),
    ]
    process = supervisor.launch(children, environment={})
    Remote(supervisor.url).start(children)
    logs = [supervisor.logs / f"{name}.log" for name in ("service", "platform")]
    until(lambda: all(log.read_text() for log in logs), "the start of both")

    process.terminate()
    process.wait(20)

    assert said.read_text().split() == ["service", "platform"]


def test_children_die_with_a_killed_supervisor(supervisor: Supervisor) -> None:
    children = [child("orphan", "echo up; exec sleep 60")]
    process = supervisor.launch(children, environment={})
    remote = Remote(supervisor.url)
    remote.start(children)
    orphan = pid(remote, "orphan")
    assert orphan is not None
    until((supervisor.logs / "orphan.log").read_text, "the start of the child")

    process.kill()
    process.wait(20)

    until(lambda: not psutil.pid_exists(orphan), "the end of the child")


def test_the_supervisor_stops_when_the_program_that_started_it_is_killed(tmp_path: Path) -> None:
    port = ports.free(1)[0]
    (tmp_path / "logs").mkdir()
    program = f"""
from pathlib import Path
from deploy.local.supervisor import Child, Stage, Supervisor
folder = Path({str(tmp_path)!r})
process = Supervisor(folder / "supervisord.conf", folder / "logs", {port}, "secret").launch([], environment={{}})
print(process.pid, flush=True)
process.wait()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        supervisor = int(parent.stdout.readline())
        parent.kill()

    until(lambda: not psutil.pid_exists(supervisor), "the end of the supervisor")


def test_a_supervisor_that_cannot_start_says_why(supervisor: Supervisor) -> None:
    with pytest.raises(Problem, match=r"The supervisor does not start; its last words: .*no-such-signal"):
        supervisor.launch([Child("odd", Stage.SERVICES, ["true"], stop_signal="no-such-signal")], environment={})
