"""The REST form of each method as an OpenAPI operation."""

from __future__ import annotations

import re
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Proto

from gateway.api import Binding
from gateway.templates import Literal, Variable
from tools.openapi.model import Field, Method, Model, Service
from tools.openapi.schemas import Schemas

Json = dict[str, Any]

_ERRORS = {
    "400": "InvalidArgument",
    "401": "Unauthenticated",
    "403": "PermissionDenied",
    "404": "NotFound",
    "409": "Conflict",
    "429": "ResourceExhausted",
    "503": "Unavailable",
    "504": "DeadlineExceeded",
    "default": "Error",
}


class Paths:
    """Makes operations; what they mention is put into the schemas."""

    def __init__(self, model: Model, schemas: Schemas) -> None:
        self._model = model
        self._schemas = schemas
        self._resources = {_shape(pattern): pattern for pattern in sorted(model.patterns)}

    def path(self, binding: Binding) -> str:
        """The path with its variables named after the resources: `/v1/members/{member}/holds`."""
        return "".join(part.text if isinstance(part, Literal) else self._named(part) for part in binding.template.parts)

    def operation(self, service: Service, method: Method, binding: Binding) -> Json:
        """The operation of one REST form."""
        request = self._model.messages[method.rpc.request]
        in_path = {variable.field for variable in binding.template.variables}
        operation: Json = {
            "operationId": method.rpc.name[0].lower() + method.rpc.name[1:],
            "tags": [service.title],
            "summary": first_sentence(method.comment),
            "description": _description(method, {field.proto.name for field in request.fields}),
            "security": [{"token": [method.rpc.scope]}],
            "x-scope": method.rpc.scope,
            "x-grpc": method.rpc.path.removeprefix("/"),
        }
        parameters = self._in_path(binding) + [
            self._in_query(field)
            for field in request.fields
            if binding.body != "*" and field.proto.name not in in_path and field.proto.name != binding.body
        ]
        if parameters:
            operation["parameters"] = parameters
        if binding.body:
            operation["requestBody"] = self._body(method, binding, in_path)
        operation["responses"] = self._responses(method)
        return operation

    def _named(self, variable: Variable) -> str:
        pattern = self._resources.get(_shape(variable.pattern))
        if pattern is None:
            raise ValueError(f"no resource has names like {variable.pattern}")
        return pattern

    def _in_path(self, binding: Binding) -> list[Json]:
        return [
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": f"The id in `{self._named(variable)}`, the `{variable.field}` of the gRPC request.",
                "schema": {"type": "string"},
            }
            for variable in binding.template.variables
            for name in re.findall(r"\{(\w+)\}", self._named(variable))
        ]

    def _in_query(self, field: Field) -> Json:
        if field.proto.type == Proto.TYPE_MESSAGE and not field.type_name.startswith("google.protobuf."):
            raise ValueError(f"{field.proto.name} of type {field.type_name} fits into no query string")
        schema = self._schemas.field(field)
        found: Json = {"name": field.proto.json_name, "in": "query", "description": schema.pop("description", "")}
        if "REQUIRED" in field.behaviors:
            found["required"] = True
        return {**found, "schema": schema}

    def _body(self, method: Method, binding: Binding, in_path: set[str]) -> Json:
        if binding.body == "*":
            schema = self._schemas.message(method.rpc.request, without=in_path)
        else:
            fields = {field.proto.name: field for field in self._model.messages[method.rpc.request].fields}
            schema = self._schemas.message(fields[binding.body].type_name, partial=binding.verb == "PATCH")
        return {"required": True, "content": {"application/json": {"schema": schema}}}

    def _responses(self, method: Method) -> Json:
        answer = {
            "description": "Done.",
            "content": {"application/json": {"schema": self._schemas.message(method.response)}},
        }
        return {
            "200": answer,
            **{status: {"$ref": f"#/components/responses/{name}"} for status, name in _ERRORS.items()},
        }


def first_sentence(comment: str) -> str:
    """The first sentence of a comment, without its full stop."""
    return re.split(r"(?<=[.:;])\s", comment, maxsplit=1)[0].rstrip(".:;")


def _description(method: Method, fields: set[str]) -> str:
    notes = [f"Needs the scope `{method.rpc.scope}`."]
    if "request_id" in fields:
        notes.append(
            "Safe to repeat: the same `requestId` with the same request is answered once more, not done once more."
        )
    return "\n\n".join([method.comment, " ".join(notes)])


def _shape(pattern: str) -> str:
    return re.sub(r"\{\w+\}", "*", pattern)
