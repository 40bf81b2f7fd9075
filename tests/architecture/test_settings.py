"""Every setting of the suite is known by name, so that what nothing reads can be told from it."""

from __future__ import annotations

import re
import subprocess
from importlib import import_module
from pathlib import Path

from deploy.local.options import Options
from kit.settings import ELSEWHERE, PREFIX, Settings, unknown

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("members", "orders", "pipeline", "campaigns")
TOOLS = {"SUITE", "PYTHON", "GATEWAY", "TOKEN", "FAULTS_PRIVATE", "BASE_IMAGE", "BUILD_IMAGE"}


def written() -> set[str]:
    """Names of settings in any file beside the tests."""
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    texts = (ROOT / name for name in files.stdout.split("\0") if name and not name.startswith("tests/"))
    found = (re.findall(rf"\b{PREFIX}[A-Z0-9_]*[A-Z0-9]\b", text.read_text(errors="ignore")) for text in texts)
    return {name for names in found for name in names}


def test_what_services_the_local_suite_and_the_tools_read_is_known_to_all() -> None:
    configs = [import_module(f"services.{service}.config").Config for service in SERVICES]
    fields = {field.upper() for kind in (*configs, Options) for field in kind.model_fields}
    common = {field.upper() for field in Settings.model_fields}
    assert {f"{PREFIX}{name}" for name in (fields - common) | TOOLS} == ELSEWHERE


def test_no_file_speaks_of_a_setting_that_nothing_reads() -> None:
    names = written()
    assert "KEHU_DATABASE_URL" in names
    assert unknown(names) == {}
    assert {f"{PREFIX}{name}" for name in TOOLS} <= names
