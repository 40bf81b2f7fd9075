import os
import subprocess
from pathlib import Path

from deploy.local import leftovers
from deploy.local.folder import Folder


def sleeper(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "60"], env={**os.environ, **environment})


def test_what_a_killed_suite_left_is_ended_and_nothing_else(tmp_path: Path) -> None:
    folder, other = Folder(tmp_path / "a"), Folder(tmp_path / "b")
    with sleeper(leftovers.mark(folder)) as ours, sleeper(leftovers.mark(other)) as theirs:
        try:
            assert leftovers.remove(folder) == 1

            assert ours.poll() is not None
            assert theirs.poll() is None
        finally:
            ours.kill()
            theirs.kill()


def test_what_does_not_listen_is_killed(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    deaf = ["sh", "-c", "trap '' TERM; echo deaf; exec sleep 60"]
    environment = {**os.environ, **leftovers.mark(folder)}
    with subprocess.Popen(deaf, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        process.stdout.readline()

        leftovers.remove(folder, seconds=0.2)

        assert process.poll() is not None


def test_where_nothing_is_left_nothing_happens(tmp_path: Path) -> None:
    assert leftovers.remove(Folder(tmp_path)) == 0
