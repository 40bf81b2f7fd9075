"""The processes' logs as one stream: each line with the name of its process before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_WIDTH = 18


@dataclass
class Follower:
    """Reads what has been added to a file; begins again when the file was rotated."""

    path: Path
    _offset: int = 0
    _rest: bytes = b""

    def lines(self) -> list[str]:
        """The lines that were completed since the last call."""
        try:
            with self.path.open("rb") as file:
                if self.path.stat().st_size < self._offset:
                    self._offset = 0
                file.seek(self._offset)
                added = file.read()
        except FileNotFoundError:
            return []
        self._offset += len(added)
        *complete, self._rest = (self._rest + added).split(b"\n")
        return [line.decode(errors="replace") for line in complete]


@dataclass
class Merger:
    """Gathers the logs of a folder into `all.log` in the same folder."""

    folder: Path
    _followers: dict[Path, Follower] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Where the lines go."""
        return self.folder / "all.log"

    def gather(self) -> list[str]:
        """Append what is new; returns it."""
        added = list(self._added())
        if added:
            with self.path.open("a") as file:
                file.writelines(f"{line}\n" for line in added)
        return added

    def _added(self) -> Iterator[str]:
        for path in sorted(self.folder.glob("*.log")):
            if path != self.path:
                follower = self._followers.setdefault(path, Follower(path))
                yield from (f"{path.stem:{_WIDTH}}| {line}" for line in follower.lines())
