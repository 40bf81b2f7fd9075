"""The page of threats: the tests that it names are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
THREATS = [
    line for line in PAGE.partition("\n## Threats\n")[2].partition("\n## ")[0].splitlines() if line.startswith("|")
][2:]
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def names(file: str) -> set[str]:
    """The tests that a file defines."""
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("threat", THREATS, ids=lambda line: line.split("|")[1].strip()[:40])
def test_every_threat_has_a_defence_and_a_test_that_is_there(threat: str) -> None:
    _, what, defence, proof, _ = threat.split("|")
    tests = _TEST.findall(proof)

    assert what.strip()
    assert defence.strip()
    assert tests
    assert [f"{file}::{test}" for file, test in tests if test not in names(file)] == []


def test_every_file_that_the_page_names_is_there() -> None:
    assert len(THREATS) > 15
    assert [path for path in re.findall(r"`((?:tests|kit)/[\w/]+\.py)", PAGE) if not (ROOT / path).exists()] == []


def test_every_setting_that_the_page_names_is_one() -> None:
    from deploy.local.options import Options
    from kit.settings import Settings

    known = {f"KEHU_{name.upper()}" for name in (*Settings.model_fields, *Options.model_fields)}

    assert set(re.findall(r"KEHU_[A-Z_]+", PAGE)) <= known
