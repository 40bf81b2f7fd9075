"""Build the image from the Dockerfile, and say what was built."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from deploy.image import packages
from deploy.image.engine import Engine, arguments
from deploy.local.folder import PROJECT

NAME = "localhost/kehu"


@dataclass(frozen=True)
class Recipe:
    """What an image is built from; empty bases mean those of the Dockerfile."""

    version: str
    revision: str
    created: str
    base: str = ""
    build_base: str = ""
    name: str = NAME
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """The image's name and tag."""
        return f"{self.name}:{self.version}"

    def options(self) -> list[str]:
        """The options of `build` that say it."""
        pairs = [("VERSION", self.version), ("REVISION", self.revision), ("CREATED", self.created)]
        pairs += [("BASE_IMAGE", self.base)] if self.base else []
        pairs += [("BUILD_IMAGE", self.build_base)] if self.build_base else []
        labels = [part for name, value in self.labels.items() for part in ("--label", f"{name}={value}")]
        return [*arguments(pairs), *labels, "--tag", self.reference]


def build(engine: Engine, recipe: Recipe) -> str:
    """Build the image and answer its reference."""
    environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
    with packages.secrets() as secrets:
        command = ["build", *engine.build_options, *secrets, *recipe.options(), "--file", "Dockerfile", "."]
        engine.shown(*command, cwd=PROJECT, env=environment)
    return recipe.reference


def here(*, version: str = "", base: str = "", build_base: str = "") -> Recipe:
    """The recipe for what is checked out: version of the project, revision and date of the commit."""
    revision = _git("rev-parse", "HEAD") or "unknown"
    changed = bool(_git("status", "--porcelain", "--", "kit", "services", "requirements/base.txt", "Dockerfile"))
    return Recipe(
        version=version or _project_version(),
        revision=f"{revision}-changed" if changed else revision,
        created=_committed(),
        base=base,
        build_base=build_base,
    )


def default_base() -> str:
    """The base image that the Dockerfile names."""
    lines = (PROJECT / "Dockerfile").read_text().splitlines()
    return next(line.partition("=")[2] for line in lines if line.startswith("ARG BASE_IMAGE="))


def _committed() -> str:
    """When the commit was made: the same revision gives the same label."""
    seconds = _git("log", "-1", "--format=%ct")
    return datetime.fromtimestamp(int(seconds or 0), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _project_version() -> str:
    lines = (PROJECT / "pyproject.toml").read_text().splitlines()
    return next(line.partition("=")[2].strip(' "') for line in lines if line.startswith("version"))


def _git(*words: str) -> str:
    """What git says, or nothing where there is no git or no clone (an archive of the sources)."""
    try:
        done = subprocess.run(["git", *words], cwd=Path(PROJECT), capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
