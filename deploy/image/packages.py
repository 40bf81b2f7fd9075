"""How pip reaches its index on this machine, handed to the build as secrets: no layer and no label keeps it."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

SETTINGS = ("index-url", "extra-index-url", "find-links", "trusted-host", "proxy", "timeout", "retries")
"""The names of those of pip's settings that say how it reaches packages; their values are read where it is built."""


@contextmanager
def secrets() -> Iterator[list[str]]:
    """Options for `build` with pip's configuration and the authorities it trusts, as this machine has them."""
    with TemporaryDirectory() as folder:
        options = []
        listed = _pip("config", "list")
        if text := configuration(listed):
            options += _secret(Path(folder) / "pip.conf", text)
        authorities = os.environ.get("PIP_CERT") or _values(listed).get("cert", "")
        if authorities and Path(authorities).is_file():
            options += _secret(Path(folder) / "ca.crt", Path(authorities).read_text())
        yield options


def configuration(listed: str) -> str:
    """The file pip.conf for the container from what `pip config list` printed, or nothing if all is as usual.

    What lies in this machine's own files is left out: the container can't reach it.
    """
    values = _values(listed)
    kept = {name: _remote(values[name]) for name in SETTINGS if name in values}
    lines = [f"{name} = {value}" for name, value in kept.items() if value]
    return "\n".join(["[global]", *lines, ""]) if lines else ""


def _values(listed: str) -> Mapping[str, str]:
    """Settings by name, read from lines like `global.timeout='5'`; the environment wins, as it does in pip."""
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.read_string("[listed]\n" + listed)
    found = {name: value.strip("'\"").replace("\\n", " ") for name, value in parser["listed"].items()}
    ordered = sorted(found.items(), key=lambda item: item[0].startswith(":env:"))
    return {name.rpartition(".")[2]: value for name, value in ordered}


def _remote(value: str) -> str:
    return " ".join(word for word in value.split() if not word.startswith(("file:", "/", "~", ".")))


def _secret(path: Path, text: str) -> list[str]:
    path.touch(mode=0o600)
    path.write_text(text)
    return ["--secret", f"id={path.name},src={path}"]


def _pip(*arguments: str) -> str:
    command = [sys.executable, "-m", "pip", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
