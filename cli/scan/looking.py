"""Look through the telemetry of a suite."""

from __future__ import annotations

import subprocess
import tempfile
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.scan.spelling import spellings
from deploy.local.folder import Folder
from deploy.local.suite import Running

_OPENMETRICS = "application/openmetrics-text; version=1.0.0"
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Looked:
    """What was looked through, by source, in lines; and the lines in which something was found: file and number, never
    what stands there."""

    values: int
    lines: dict[str, int]
    found: Sequence[str]

    def __str__(self) -> str:
        sizes = ", ".join(f"{count:,} lines of {source}" for source, count in self.lines.items())
        return f"Personal data in telemetry: {len(self.found)} found ({self.values:,} values looked for in {sizes})."


def look(values: Iterable[str], **sources: Sequence[Path]) -> Looked:
    """Look for the values in files, which are named by what they hold."""
    wanted = sorted(set(values))
    files = [str(file) for paths in sources.values() for file in paths]
    with tempfile.NamedTemporaryFile("w", suffix=".values") as patterns:
        patterns.write("\n".join(sorted(spellings(wanted))))
        patterns.flush()
        found = _grep(patterns.name, files) if files else []
    return Looked(len(wanted), {source: _lines(paths) for source, paths in sources.items()}, found)


def metrics(suite: Running, folder: Path) -> list[Path]:
    """What every process of a suite shows on its metrics page now, exemplars included, as files in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for process in suite.state.processes:
        if process.metrics_address:
            page = "stats/prometheus" if process.role == "gateway" else "metrics"
            request = urllib.request.Request(
                f"http://{process.metrics_address}/{page}", headers={"Accept": _OPENMETRICS}
            )
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
                files.append(folder / f"{process.name}.txt")
                files[-1].write_bytes(answer.read())
    return files


def logs(folder: Folder) -> list[Path]:
    """The logs of a suite's processes, PostgreSQL's and RabbitMQ's among them."""
    return sorted(path for path in folder.logs.rglob("*") if path.is_file())


def _grep(patterns: str, files: Sequence[str]) -> list[str]:
    """Where any of the patterns stands. By grep, which looks for a hundred thousand at once."""
    asked = ["grep", "--fixed-strings", "--ignore-case", "--text", "--line-number", "--with-filename"]
    done = subprocess.run(
        [*asked, f"--file={patterns}", "--", *files], capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode > 1:
        raise OSError(done.stderr)
    return [":".join(line.split(":", 2)[:2]) for line in done.stdout.splitlines()]


def _lines(paths: Sequence[Path]) -> int:
    return sum(path.read_bytes().count(b"\n") for path in paths)
