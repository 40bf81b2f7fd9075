"""The OpenAPI 3.1 document."""

from __future__ import annotations

from typing import Any

from tools.openapi.model import Model
from tools.openapi.paths import Paths, first_sentence
from tools.openapi.schemas import Schemas

Json = dict[str, Any]

_DETAILS = ("ErrorInfo", "BadRequest", "RetryInfo", "ResourceInfo", "PreconditionFailure")

DESCRIPTION = """\
The REST/JSON form of Kehu's gRPC services, as the gateway offers it. This document is generated from the protos.

- JSON has the fields in lowerCamelCase (`pageSize`); the texts here, and gRPC, call them as the protos do
  (`page_size`). The gateway understands both in requests, and refuses a field that the method doesn't know.
- 64-bit integers are strings in JSON, as in every protobuf JSON: `"points": "120"`.
- Amounts are `google.type.Money`: whole `units` and `nanos` (10^-9) of the currency, always whole minor units.
- An error is the bare `google.rpc.Status`: the numeric gRPC code, a sentence, and details, of which the `ErrorInfo`
  has the reason for programs. The reasons stand in `docs/errors.md`.
- A call may bring its own deadline as a `grpc-timeout` header, for example `grpc-timeout: 800m` (milliseconds).
"""

_RESPONSES = {
    "InvalidArgument": "The request is wrong (`BadRequest` names the fields), or the state of things forbids it.",
    "Unauthenticated": "There is no token, or it can't be verified.",
    "PermissionDenied": "The token doesn't grant the scope that the method needs.",
    "NotFound": "There is no such resource, or no such path.",
    "Conflict": "Another change came first, or the thing is there already.",
    "ResourceExhausted": "Too many calls at once; `RetryInfo` says when to try again.",
    "Unavailable": "The service can't be reached. Try again with the same `requestId`.",
    "DeadlineExceeded": "The deadline passed. Try again with the same `requestId`.",
    "Error": "Any other refusal.",
}


def document(model: Model) -> Json:
    """The whole document."""
    schemas = Schemas(model)
    paths = Paths(model, schemas)
    found: dict[str, Json] = {}
    for service in model.services:
        for method in service.methods:
            for binding in method.rpc.bindings:
                operations = found.setdefault(paths.path(binding), {})
                operations[binding.verb.lower()] = paths.operation(service, method, binding)
    _refuse_twins(found)
    status = _status(schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Kehu",
            "version": "v1",
            "summary": "An open-source customer suite for retailers",
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "http://127.0.0.1:8080", "description": "The gateway of `make up`"}],
        "tags": [{"name": each.title, "description": first_sentence(each.comment)} for each in model.services],
        "paths": dict(sorted(found.items())),
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "`iss` and `aud` are `kehu`; `roles` grant scopes. `kehu token` issues one.",
                }
            },
            "responses": {name: _response(text, status) for name, text in _RESPONSES.items()},
            "schemas": dict(sorted(schemas.found.items())),
        },
    }


def _status(schemas: Schemas) -> Json:
    """A reference to the schema of an error, whose details are of known types for the most part."""
    reference = schemas.message("google.rpc.Status")
    known = []
    for name in _DETAILS:
        detail = schemas.message(f"google.rpc.{name}")
        kind = {"properties": {"@type": {"const": f"type.googleapis.com/google.rpc.{name}"}}, "required": ["@type"]}
        known.append({"allOf": [kind, detail]})
    items = schemas.found["google.rpc.Status"]["properties"]["details"]
    items["items"] = {"anyOf": [*known, items["items"]]}
    return reference


def _response(text: str, status: Json) -> Json:
    return {"description": text, "content": {"application/json": {"schema": status}}}


def _refuse_twins(paths: dict[str, Json]) -> None:
    names = [operation["operationId"] for operations in paths.values() for operation in operations.values()]
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise ValueError(f"two operations are called {', '.join(twins)}")
