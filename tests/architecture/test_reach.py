"""How far callers see who see a part of the organisation: every RPC of every service says it, or this fails."""

from __future__ import annotations

from functools import reduce

import pytest

from kit.errors import Kind
from kit.rpc.reach import Confined
from services.pipeline.api import reach as pipeline
from tests.support.reach import blind, methods_of, outcomes

SERVICES = {"pipeline": pipeline}
CLOSED: dict[str, set[str]] = {"pipeline": set()}
"""Methods about all of the organisation, by their service: callers of a part are refused. Every other one is confined
by what its request names, or is named in the `RULES` of its service."""


@pytest.mark.parametrize("service", SERVICES)
def test_every_method_has_a_stated_reach(service: str) -> None:
    module = SERVICES[service]
    reach = Confined(module.RULES, module.COLLECTIONS, blind)
    found = outcomes(reach, methods_of(service), module.COLLECTIONS)

    stated = {*module.RULES.of_nobody, *module.RULES.answered, *module.RULES.parts, *module.RULES.moves}
    assert {name for name, kind in found.items() if kind is Kind.PERMISSION_DENIED} == CLOSED[service]
    assert {name for name, kind in found.items() if kind is None} <= stated
    assert stated <= found.keys()
    assert not stated & CLOSED[service]


@pytest.mark.parametrize("service", SERVICES)
def test_a_part_is_asked_for_in_a_field_that_is_there(service: str) -> None:
    rules = SERVICES[service].RULES
    for method in methods_of(service):
        for path in (
            rules.parts.get(method.name),
            rules.moves.get(method.name, "") and f"{rules.moves[method.name]}.org",
        ):
            if path:
                *holders, name = path.split(".")
                form = reduce(lambda form, each: form.fields_by_name[each].message_type, holders, method.input_type)
                assert form.fields_by_name[name].type == form.fields_by_name[name].TYPE_STRING


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_listed_whole_can_be_asked_for_by_part(service: str) -> None:
    """A list that names nothing must have a field for the part, or it would show everybody's."""
    rules = SERVICES[service].RULES
    lists = {method.name for method in methods_of(service) if "org" in method.input_type.fields_by_name}
    assert lists <= rules.parts.keys()
