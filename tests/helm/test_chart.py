"""The chart as a whole: linted, fresh, its examples, its page, what an upgrade finds, and a test for every template."""

from __future__ import annotations

import ast
import base64
import gzip
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.chart import MINIMAL, text
from tools.chart import examples, files, helm, readme, released
from tools.chart.helm import CHART, PROJECT

pytestmark = pytest.mark.chart

TESTS = Path(__file__).parent


def test_helm_is_the_one_that_the_lock_names() -> None:
    assert helm.run("version", "--short").startswith("v4.")


@pytest.mark.parametrize("name", examples.SETS)
def test_helm_has_nothing_against_the_chart(name: str) -> None:
    values = [part for file in examples.SETS[name] for part in ("--values", str(CHART / file))]
    assert "0 chart(s) failed" in helm.run("lint", "--strict", str(CHART), *values)


@pytest.mark.parametrize("name", examples.SETS)
def test_examples_are_what_the_chart_renders(name: str) -> None:
    made = examples.kept(name)
    folder = examples.FOLDER / name / "rendered"
    kept = {path: path.read_text() for path in folder.rglob("*.yaml")}
    assert kept == made, "run `make chart-files`"


def test_copies_are_like_their_originals() -> None:
    assert files.stale() == [], "run `make gen`"


def test_the_page_lists_every_value() -> None:
    assert readme.FILE.read_text() == readme.page(), "run `make chart-files`"


def test_every_value_has_a_comment_and_is_one() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    listed = {value.path: value.comment for value in readme.values()}
    assert not [path for path, comment in listed.items() if not comment]
    for path in listed:
        at: Any = values
        for key in path.split("."):
            at = at[key]
    assert set(_leaves(values, "", set(listed))) <= set(listed)


def _leaves(node: Any, path: str, listed: set[str]) -> list[str]:
    if path in listed or not isinstance(node, dict) or not node:
        return [path]
    return [leaf for key, each in node.items() for leaf in _leaves(each, f"{path}.{key}".lstrip("."), listed)]


@pytest.mark.parametrize("name", examples.SETS)
def test_an_upgrade_finds_what_the_last_release_made(name: str) -> None:
    before = json.loads(released.FILE.read_text())[name]
    now = released.fixed(examples.rendered(name))
    gone = set(before) - set(now)
    changed = {key for key in set(before) & set(now) if before[key] != now[key]}
    assert gone == set(), "an object of the last release is gone or renamed"
    assert changed == set(), "Kubernetes never changes these fields of an object"


def test_an_upgrade_keeps_what_the_last_tag_made(tmp_path: Path) -> None:
    tag = _git("describe", "--tags", "--abbrev=0", "--match", "v*")
    old = _archive(tag, tmp_path) if tag else None
    before = released.fixed(text(chart=old)) if old else json.loads(released.FILE.read_text())["small"]
    now = released.fixed(text() if old else examples.rendered("small"))
    assert {key: now.get(key) for key in before} == before


def _archive(tag: str, folder: Path) -> Path | None:
    where = CHART.relative_to(PROJECT)
    packed = subprocess.run(["git", "archive", tag, str(where)], cwd=PROJECT, capture_output=True, check=False)
    if packed.returncode:
        return None
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)
    return folder / where


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=PROJECT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


@pytest.mark.parametrize("name", examples.SETS)
def test_a_release_fits_into_the_secret_that_helm_keeps_it_in(name: str) -> None:
    # Helm keeps the chart and the manifests in one Secret, packed; a Secret holds 1 MiB.
    kept = [path for path in CHART.rglob("*") if path.is_file() and "examples" not in path.parts]
    chart = {str(path): base64.b64encode(path.read_bytes()).decode() for path in kept}
    release = json.dumps({"chart": chart, "manifest": examples.rendered(name)}).encode()
    assert len(base64.b64encode(gzip.compress(release, 9))) < 900_000


def test_a_long_name_of_a_release_is_cut() -> None:
    long = helm.render(CHART / "values-small.yaml", release="a-release-with-quite-a-long-name-of-its-own")
    names = [each["metadata"]["name"] for each in yaml.load_all(long, yaml.CSafeLoader) if each]
    assert max(len(name) for name in names) <= 52


def test_every_template_has_a_test_that_asserts_what_it_makes() -> None:
    folder = CHART / "templates"
    templates = {str(path.relative_to(folder)) for path in folder.rglob("*.yaml")}
    assert templates - _asserted() == set()


def _asserted() -> set[str]:
    """The templates that a test with an assertion renders by their name, itself or by a function of its module."""
    found: set[str] = set()
    for path in TESTS.glob("test_*.py"):
        tree = ast.parse(path.read_text())
        functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        for name, function in functions.items():
            if name.startswith("test_") and any(isinstance(node, ast.Assert) for node in ast.walk(function)):
                called = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)} & set(functions)
                bodies = [function, *(functions[each] for each in called)]
                found |= {template for body in bodies for template in _rendered(body)}
    return found


def _rendered(function: ast.FunctionDef) -> set[str]:
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    return {
        call.args[0].value
        for call in calls
        if getattr(call.func, "id", "") == "objects" and isinstance(call.args[0], ast.Constant)
        if isinstance(call.args[0].value, str)
    }


def test_the_notes_say_where_the_api_is(tmp_path: Path) -> None:
    file = tmp_path / "values.json"
    file.write_text(json.dumps(MINIMAL))
    said = helm.run("install", "shop", str(CHART), "--dry-run=client", "--namespace", "kehu", "--values", str(file))
    assert "http://shop-gateway.kehu:80" in said
    assert "helm test shop --namespace kehu" in said
