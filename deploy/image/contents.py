"""What an image holds and what must not be in it: read from its files and its configuration, nothing is started."""

from __future__ import annotations

import re
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.image.engine import Engine

_COMPILERS = re.compile(
    r"^(usr/|opt/kehu/)?(local/)?bin/(.*-)?(gcc|g\+\+|cc|c\+\+|clang|ld|as|make|rustc|cargo|go|tcc)(-[\d.]+)?$"
)
_CACHES = re.compile(r"(^|/)(\.cache/pip|\.cache/uv|pip-cache)(/|$)|^var/cache/apt/archives/.*\.deb$")
_SECRETS = re.compile(r"\.(pem|key|p12|pfx|env|netrc)$|(^|/)(id_[a-z0-9]+|\.netrc|\.pypirc|pip\.conf)$")
_TELLING = re.compile(r"(?i)(password|passwd|secret|token|credential|api_?key|private_?key)\w*=|://[^/\s:@]+:[^/\s@]+@")
_AUTHORITIES = ("/cacert.pem", "/roots.pem")  # whom to trust: certificates without keys, of certifi and of gRPC
_OURS = ("app/", "opt/kehu/")
_WORLD = stat.S_IWOTH


@dataclass(frozen=True)
class File:
    """One file of an image, as its layers leave it."""

    path: str
    mode: int
    user: int
    size: int
    kind: str
    """`file`, `folder` or `link`."""


def files(engine: Engine, reference: str) -> list[File]:
    """Every file of an image."""
    with _container(engine, reference) as container:
        export = subprocess.Popen([*engine.command, "export", container], stdout=subprocess.PIPE)
        assert export.stdout is not None  # noqa: S101 - for the type checker: it was asked for
        with tarfile.open(fileobj=export.stdout, mode="r|") as archive:
            found = [_file(member) for member in archive]
        export.stdout.close()
        export.wait()
    return found


def copy(engine: Engine, reference: str, path: str, into: Path) -> None:
    """Copy a folder of an image to this machine."""
    with _container(engine, reference) as container:
        engine.run("cp", f"{container}:{path}", str(into))


def faults(image: dict[str, Any], found: list[File], *, base: list[File]) -> list[str]:
    """Every known-bad setting of an image, as sentences; `base` are the files of the image it was built on."""
    return [*_in_settings(image), *_in_files(found, {file.path for file in base if file.mode & 0o6000})]


def _in_settings(image: dict[str, Any]) -> Iterator[str]:
    config = image["Config"]
    user = str(config.get("User", "")).partition(":")[0]
    if not user.isdigit() or int(user) == 0:
        yield f"its user is {user or 'root'}, which is not a number other than 0"
    told = [*config.get("Env", []), *(str(layer.get("created_by", "")) for layer in image.get("History", []))]
    yield from (
        f"its settings or history tell a secret: {text.partition('=')[0]}=..." for text in told if _TELLING.search(text)
    )
    labels = config.get("Labels") or {}
    for name in ("version", "revision", "created", "licenses", "title"):
        if not labels.get(f"org.opencontainers.image.{name}"):
            yield f"the label org.opencontainers.image.{name} is missing"
    if config.get("Volumes"):
        yield "it declares volumes, which the engine makes writable"


def _in_files(found: list[File], raised_in_base: set[str]) -> Iterator[str]:
    for file in found:
        ours = file.path.startswith(_OURS)
        if file.kind == "file" and file.mode & 0o6000 and file.path not in raised_in_base:
            yield f"{file.path} runs with rights that its caller lacks"
        if file.kind != "link" and file.mode & _WORLD and not file.mode & stat.S_ISVTX:
            yield f"everybody may write {file.path}"
        if ours and file.user != 0:
            yield f"{file.path} belongs to user {file.user}, who could change it"
        if _COMPILERS.search(file.path):
            yield f"{file.path} is a compiler"
        if _CACHES.search(file.path) and file.kind == "file":
            yield f"{file.path} is left of an installation"
        if ours and _SECRETS.search(file.path) and not file.path.endswith(_AUTHORITIES):
            yield f"{file.path} looks like a secret"


@contextmanager
def _container(engine: Engine, reference: str) -> Iterator[str]:
    """A container of the image."""
    # It is never started, but an image without a command of its own must be told one.
    container = engine.run("create", reference, "true").strip().splitlines()[-1]
    try:
        yield container
    finally:
        engine.run("rm", container)


def _file(member: tarfile.TarInfo) -> File:
    kind = "folder" if member.isdir() else "file" if member.isfile() or member.islnk() else "link"
    return File(member.name.removeprefix("./"), member.mode, member.uid, member.size, kind)
