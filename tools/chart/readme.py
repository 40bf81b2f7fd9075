"""The chart's page: a table of every value with its default and its comment, read from values.yaml."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from tools.chart.helm import CHART

FILE = CHART / "README.md"
_BEGIN, _END = "<!-- values -->\n", "<!-- /values -->\n"
_LINE = re.compile(r"^(?P<indent>(?:  )*)(?P<key>[A-Za-z][A-Za-z0-9_]*):(?P<rest>.*)$")


@dataclass(frozen=True, slots=True)
class Value:
    """One key of values.yaml."""

    path: str
    default: str
    comment: str


def values(file: Path = CHART / "values.yaml") -> Iterator[Value]:
    """Every key that holds a value by itself, with the comment above it.

    Lacking one, a key has an inherited one: what is said once is not said again for each role and service.
    """
    comment: list[str] = []
    parents: list[tuple[int, str, str]] = []
    known: dict[str, str] = {}
    inside = None
    lines = file.read_text().splitlines()
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if inside is not None and line.strip() and indent > inside:
            continue
        if line.strip().startswith("#"):
            comment.append(line.strip().lstrip("#").strip())
            continue
        inside = None
        if match := _LINE.match(line):
            key, rest = match["key"], match["rest"].strip()
            parents = [parent for parent in parents if parent[0] < indent]
            said = " ".join(comment) or _inherited(key, parents, known)
            known[key] = known[f"{parents[-1][1] if parents else ''}.{key}"] = said
            if rest or not _is_map(lines, number, indent):
                inside = indent
                path = ".".join([*(name for _, name, _ in parents), key])
                yield Value(path, rest or _list(lines, number, indent), said)
            else:
                parents.append((indent, key, said))
        comment = []


def _inherited(key: str, parents: list[tuple[int, str, str]], known: dict[str, str]) -> str:
    """The comment of what it switches; else that of the last key of its name, best in a group of the same name."""
    if key == "enabled" and parents and parents[-1][2]:
        return parents[-1][2]
    return known.get(f"{parents[-1][1] if parents else ''}.{key}") or known.get(key, "")


def _is_map(lines: list[str], number: int, indent: int) -> bool:
    following = next((line for line in lines[number + 1 :] if line.strip() and not line.strip().startswith("#")), "")
    return len(following) - len(following.lstrip()) > indent and not following.strip().startswith("-")


def _list(lines: list[str], number: int, indent: int) -> str:
    block = []
    for line in lines[number + 1 :]:
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            break
        block.append(line)
    return str(yaml.safe_dump(yaml.safe_load("\n".join(block)), default_flow_style=True, width=1_000_000)).strip()


def page() -> str:
    """The page with a fresh table."""
    head, rest = FILE.read_text().split(_BEGIN)
    tail = rest.split(_END)[1]
    rows = [f"| `{value.path}` | `{value.default}` | {value.comment.replace('|', '/')} |" for value in values()]
    table = "\n".join(["| value | default | what it is |", "|---|---|---|", *rows])
    return f"{head}{_BEGIN}\n{table}\n\n{_END}{tail}"
