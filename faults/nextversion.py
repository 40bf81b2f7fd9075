"""The next version of the project: a copy with another field in the protos, told in an event, and more in the schema.

It is generated, migrated and run like the real thing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from alembic.script import ScriptDirectory

from deploy.local.folder import PROJECT
from kit.db import migrations

_COPIED = ("kit", "services", "gen", "protos", "third_party", "tools")
_FIELD = "  // What the next version tells.\n  string rollout_note = 900;\n"
_TELLS = "def _paid(fact: OrderPaid) -> Body:\n    order = fact.order\n    return {\n"
_MIGRATION = '''"""What the next version adds."""

import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("rollout_note", sa.Text, nullable=True))
    op.create_table("rollout_notes", sa.Column("id", sa.Uuid, primary_key=True))
'''


def make(folder: Path) -> Path:
    """Make it in a folder."""
    for name in _COPIED:
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    protos = folder / "protos/kehu/orders/v1"
    _insert(protos / "events.proto", "message OrderPaid {\n", _FIELD)
    _insert(protos / "orders.proto", "message Order {\n", _FIELD)
    _insert(folder / "services/orders/publish.py", _TELLS, '        "rolloutNote": "next",\n')
    versions = folder / "services/orders/migrations/versions"
    (versions / "next.py").write_text(_MIGRATION.format(head=_head()))
    run(folder, "tools.generate")
    return folder


def run(folder: Path, module: str, *arguments: str, **environment: str) -> None:
    """Run a module of the copy until it ends."""
    settings = {**os.environ, **environment, "PYTHONPATH": f"{folder}:{folder / 'gen'}"}
    command = [sys.executable, "-m", module, *arguments]
    subprocess.run(command, cwd=folder, env=settings, check=True, capture_output=True)


def _head() -> str:
    script = ScriptDirectory.from_config(migrations.config("services.orders", "postgresql://"))
    return str(script.get_current_head())


def _insert(file: Path, after: str, text: str) -> None:
    before = file.read_text()
    if before.count(after) != 1:
        raise ValueError(f"{file.name} does not have {after.strip()!r} once; the next version must be written anew")
    file.write_text(before.replace(after, after + text))
