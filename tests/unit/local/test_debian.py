from pathlib import Path

import pytest

from deploy.local import debian
from deploy.local.problem import Problem


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def unpack(into: Path) -> None:
    debian.unpack("thing", into, otherwise="do without", finish=lambda root: (root / "finished").touch())


def test_without_apt_there_is_another_way_out(programs: Path, tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"thing is missing and there is no apt-get .+; install it, or do without"):
        unpack(tmp_path / "thing")


def test_what_apt_says_is_passed_on_and_nothing_is_left(programs: Path, tmp_path: Path) -> None:
    program(programs / "apt-get", "echo 'E: Unable to locate package thing' >&2; exit 100")

    with pytest.raises(Problem, match=r"apt-get could not get it \(E: Unable to locate package thing\)"):
        unpack(tmp_path / "run" / "thing")

    assert [path.name for path in (tmp_path / "run").iterdir()] == ["thing.lock"]


def test_a_package_is_unpacked_once(programs: Path, tmp_path: Path) -> None:
    program(programs / "apt-get", f"echo called >> {tmp_path / 'calls'}")

    unpack(tmp_path / "thing")
    unpack(tmp_path / "thing")

    assert (tmp_path / "thing" / "finished").exists()
    assert (tmp_path / "calls").read_text().split() == ["called"] * 2  # update and install
