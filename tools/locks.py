"""Lock the requirements: every package pinned, with hashes, from `requirements/*.in`.

`python -m tools.locks` writes the locks with uv, keeping the pins that still fit. `python -m tools.locks --check`
works offline: it proves that a lock answers its `.in` file, not that no newer version exists.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

FOLDER = Path(__file__).resolve().parent.parent / "requirements"
# In this order, for a later one is constrained by the earlier ones.
NAMES = ("base", "local", "dev", "demo", "chart", "fuzz")
# Installed without what they depend on.
BARE = frozenset({"demo", "chart"})
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)")


@dataclass(frozen=True)
class Pin:
    """One locked package."""

    name: str
    version: Version
    hashes: int
    asked_by_us: bool


def read_input(text: str) -> dict[str, Requirement]:
    """The requirements of an `.in` file by canonical name."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    found = (Requirement(line) for line in lines if line and not line.startswith("-"))
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def read_lock(name: str, text: str) -> dict[str, Pin]:
    """The pins of a lock file by canonical name."""
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)
    return {pin.name: pin for pin in (_pin(name, block) for block in blocks) if pin is not None}


def _pin(lock: str, block: str) -> Pin | None:
    match = _PIN.match(block)
    if match is None:
        return None
    return Pin(
        canonicalize_name(match[1]),
        Version(match[2]),
        hashes=block.count("--hash=sha256:"),
        asked_by_us=f"-r requirements/{lock}.in" in block,
    )


def faults(name: str, wanted: Mapping[str, Requirement], pins: Mapping[str, Pin]) -> Iterator[str]:
    """What is wrong with one lock, a sentence each."""
    for package, requirement in wanted.items():
        pin = pins.get(package)
        if pin is None:
            yield f"requirements/{name}.txt lacks {package}"
        elif not requirement.specifier.contains(pin.version, prereleases=True):
            yield f"requirements/{name}.txt has {package} {pin.version}, asked for is {requirement}"
    for pin in pins.values():
        if pin.asked_by_us != (pin.name in wanted):
            yield f"requirements/{name}.txt and {name}.in disagree on whether {pin.name} is asked for"
        if not pin.hashes:
            yield f"requirements/{name}.txt has no hash for {pin.name}"


def conflicts(locks: Mapping[str, Mapping[str, Pin]]) -> Iterator[str]:
    """Packages that two locks pin differently: they are installed into one environment."""
    seen: dict[str, tuple[str, Pin]] = {}
    for lock, pins in locks.items():
        for pin in pins.values():
            other, first = seen.setdefault(pin.name, (lock, pin))
            if first.version != pin.version:
                yield f"{pin.name} is {first.version} in {other}.txt and {pin.version} in {lock}.txt"


def check() -> list[str]:
    """Everything that is wrong with the lock files."""
    found: list[str] = []
    locks: dict[str, dict[str, Pin]] = {}
    for name in NAMES:
        text = (FOLDER / f"{name}.txt").read_text()
        locks[name] = read_lock(name, text)
        found += faults(name, read_input((FOLDER / f"{name}.in").read_text()), locks[name])
        found += [f"requirements/{name}.txt names an index: {line}" for line in text.splitlines() if line[:2] == "--"]
    return found + list(conflicts(locks))


def write(name: str) -> None:
    """Lock one file, keeping the pins that still fit."""
    subprocess.run(
        [
            *(str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet", "--generate-hashes"),
            *("--prerelease=if-necessary-or-explicit", "--python-version=3.11"),
            *("--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command=make lock"),
            *(["--no-deps"] if name in BARE else []),
            *(f"requirements/{name}.in", "--output-file", f"requirements/{name}.txt"),
        ],
        cwd=FOLDER.parent,
        check=True,
    )


def main() -> None:
    """Entry point."""
    if "--check" in sys.argv[1:]:
        if found := check():
            raise SystemExit("The lock files are stale, run `make lock`:\n" + "\n".join(found))
        return
    for name in NAMES:
        write(name)


if __name__ == "__main__":
    main()
