"""Callers of the suite that all end-to-end tests share."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator

from deploy.local.suite import Running
from gateway.api import ROOT
from tests.e2e.callers import Caller


@pytest.fixture(scope="session")
def caller(suite: Running) -> Callable[..., Caller]:
    """`caller("viewer")`: someone with these roles."""

    def make(*roles: str) -> Caller:
        return Caller(suite.gateway.removeprefix("http://"), suite.token(*roles))

    return make


@pytest.fixture(scope="session")
def admin(caller: Callable[..., Caller]) -> Caller:
    """Someone who may do everything."""
    return caller("admin")


@pytest.fixture
def unique() -> str:
    """A text that no other test of the run has."""
    return uuid.uuid4().hex[:12]


@pytest.fixture(scope="session")
def fits() -> Callable[[str, object], list[str]]:
    """`fits("members.Member", value)`: what the OpenAPI document has against a JSON value."""
    components = json.loads((ROOT / "docs" / "api" / "openapi.json").read_text())["components"]

    def complaints(name: str, value: object) -> list[str]:
        schema: dict[str, Any] = {"$ref": f"#/components/schemas/{name}", "components": components}
        return [f"{error.json_path}: {error.message}" for error in OAS31Validator(schema).iter_errors(value)]

    return complaints
