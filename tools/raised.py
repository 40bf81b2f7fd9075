"""Which refusals the code makes, read from its text: each reason with the kinds of fault that it comes with."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from kit import errors

Raised = dict[str, set[str]]
"""The kinds of each reason."""


def raised(folder: Path) -> Raised:
    """Every `Fault(Kind.X, "REASON", ...)` under a folder, also where a function takes the reason as an argument: one
    of the same module, or of `kit.errors`."""
    found: Raised = {}
    shared = _makers(ast.parse(Path(errors.__file__).read_text()))
    for file in sorted(folder.rglob("*.py")):
        tree = ast.parse(file.read_text(), file.name)
        for reason, kinds in _of_module(tree, shared):
            found.setdefault(reason, set()).update(kinds)
    return found


def _of_module(tree: ast.Module, shared: Raised) -> Iterator[tuple[str, set[str]]]:
    makers = shared | _makers(tree)
    for call in _calls(tree):
        name = _called(call)
        kinds = _kinds(call) if name == "Fault" else makers.get(name, set())
        constants = [each.value for each in call.args if isinstance(each, ast.Constant)]
        reason = next((each for each in constants if isinstance(each, str) and each.isupper()), None)
        if kinds and reason:
            yield reason, kinds


def _makers(tree: ast.Module) -> Raised:
    """Functions that make a fault of a reason that they are given, with its kinds."""
    found: Raised = {}
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        for call in _calls(function):
            if _called(call) == "Fault" and any(
                isinstance(each, ast.Name) and each.id == "reason" for each in call.args
            ):
                found.setdefault(function.name, set()).update(_kinds(call))
    return found


def _calls(tree: ast.AST) -> Iterable[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _kinds(call: ast.Call) -> set[str]:
    return {
        each.attr
        for each in call.args
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == "Kind"
    }
