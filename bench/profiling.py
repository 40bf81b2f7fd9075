"""Profiles of running processes, taken from outside by py-spy: a flame graph to look at, and its dearest lines."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.runner import ROOT
from bench.table import FOLDER

PROFILES = FOLDER / "profiles"
_RATE = 200
_FRAME = re.compile(r"^(?P<function>.+) \((?P<file>[^():]+):(?P<line>\d+)\)$")
_OURS = ("kit/", "services/", "bench/")
_WAITING = (
    "select (selectors",
    "EpollSelector.select (",
    "_PollLikeSelector.select (",
    "Hub.do_poll (",
    "wait (threading",
    "Condition.wait (",
    "poll (",
    "Hub.wait (",
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the house, and the share of all samples that were spent on it and in libraries that it called."""

    place: str
    function: str
    share: float


class Recording:
    """py-spy beside a process for so many seconds: one for the picture, one for the numbers."""

    def __init__(self, pid: int, name: str, seconds: float) -> None:
        PROFILES.mkdir(parents=True, exist_ok=True)
        self._raw = PROFILES / f"{name}.raw"
        self._picture = PROFILES / f"{name}.svg"
        self._started = [
            _record(pid, self._picture, "flamegraph", seconds),
            _record(pid, self._raw, "raw", seconds),
        ]

    def finish(self) -> list[Line]:
        """Wait for the end; the lines of our own code, the dearest first."""
        said = [process.communicate(timeout=120)[1] for process in self._started]
        if any(process.returncode for process in self._started):
            raise RuntimeError(f"py-spy failed: {' '.join(said).strip()[-300:]}")
        self._picture.write_text(portable(self._picture.read_text(encoding="utf-8")), encoding="utf-8")
        lines = dearest(self._raw.read_text(encoding="utf-8").splitlines())
        with suppress(FileNotFoundError):
            self._raw.unlink()
        return lines


def portable(picture: str) -> str:
    """A picture that names files as they are called everywhere, and not where they lie on this machine."""
    return picture.replace(f"{ROOT}/", "").replace(f"{sys.base_prefix}/", "")


def _record(pid: int, into: Path, form: str, seconds: float) -> subprocess.Popen[str]:
    program = Path(sys.executable).with_name("py-spy")
    options = ["--nonblocking", "--rate", str(_RATE), "--duration", str(max(1, round(seconds))), "--format", form]
    command = [str(program), "record", *options, "--pid", str(pid), "--output", str(into)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)  # noqa: S603 - ours


def dearest(stacks: Iterable[str]) -> list[Line]:
    """Lines by what was spent on them, the dearest first, from collapsed stacks (`frame;frame;frame count`).

    A sample belongs to the last line of the house on its stack, or to the library that was entered without one. Samples
    in which a process only waits, or of which nothing is known, do not count.
    """
    spent: Counter[str] = Counter()
    for stack in stacks:
        frames, _, count = stack.rpartition(" ")
        path = frames.split(";")
        if path[-1] and count.isdecimal() and not any(path[-1].startswith(waiting) for waiting in _WAITING):
            spent[next((frame for frame in reversed(path) if _of_the_house(frame)), path[-1])] += int(count)
    total = spent.total()
    return [_line(frame, count / total) for frame, count in spent.most_common()]


def _line(frame: str, share: float) -> Line:
    match = _FRAME.match(frame)
    return Line(f"{match['file']}:{match['line']}", match["function"], share) if match else Line(frame, "", share)


def _of_the_house(frame: str) -> bool:
    return any(f"({folder}" in frame for folder in _OURS)
