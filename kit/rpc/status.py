"""A Fault on the wire: `google.rpc.Status` with one ErrorInfo, and the details that its kind calls for (AIP-193)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from kit.errors import Fault, Kind, Violation
from kit.rpc import resources

DOMAIN = "kehu.dev"

CODES: dict[Kind, grpc.StatusCode] = {kind: grpc.StatusCode[kind.value] for kind in Kind}
"""The one table from a Fault's kind to gRPC's status."""

_KINDS: dict[int, Kind] = {code.value[0]: kind for kind, code in CODES.items()}

_TEXT = 400
"""Most bytes of a message or a value."""

_VIOLATIONS = 2000
"""Most bytes of all violations together. A status travels in the trailers, of which gRPC refuses more than 8 KiB, and
there it takes up to four thirds of its size, its message up to three times."""


def status_of(fault: Fault) -> Status:
    """The status that a client sees."""
    metadata = {key: _cut(value) for key, value in fault.metadata.items()}
    details: list[Message] = [error_details_pb2.ErrorInfo(reason=fault.reason, domain=DOMAIN, metadata=metadata)]
    if fault.violations:
        details.append(error_details_pb2.BadRequest(field_violations=_fields(fault.violations)))
    if fault.retry_after is not None:
        delay = Duration()
        delay.FromTimedelta(fault.retry_after)
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    if fault.kind is Kind.NOT_FOUND and "name" in fault.metadata:
        kind = resources.type_of(fault.metadata["name"])
        details.append(error_details_pb2.ResourceInfo(resource_type=_cut(kind), resource_name=metadata["name"]))
    packed = []
    for detail in details:
        any_detail = Any()
        any_detail.Pack(detail)
        packed.append(any_detail)
    return Status(code=CODES[fault.kind].value[0], message=_cut(fault.message), details=packed)


def _fields(violations: Sequence[Violation]) -> list[error_details_pb2.BadRequest.FieldViolation]:
    """As many as fit, the first at any rate; if some don't, the last one says how many."""
    fields: list[error_details_pb2.BadRequest.FieldViolation] = []
    left = _VIOLATIONS
    for violation in violations:
        field = error_details_pb2.BadRequest.FieldViolation(
            field=_cut(violation.field), description=_cut(violation.description)
        )
        left -= field.ByteSize()
        if left < 0 and fields:
            more = f"and {len(violations) - len(fields)} more"
            return [*fields, error_details_pb2.BadRequest.FieldViolation(description=more)]
        fields.append(field)
    return fields


def _cut(text: str) -> str:
    return text.encode()[:_TEXT].decode(errors="ignore")


async def abort(context: grpc.aio.ServicerContext, fault: Fault) -> None:
    """End the call with the fault; does not return."""
    await context.abort_with_status(wire_status(fault))


def wire_status(fault: Fault) -> grpc.Status:
    """The status with its trailers: the details, and when to come again in the form that HTTP clients know."""
    told = rpc_status.to_status(status_of(fault))
    if fault.retry_after is not None:
        seconds = math.ceil(fault.retry_after.total_seconds())
        told = told._replace(trailing_metadata=(*told.trailing_metadata, ("retry-after", str(seconds))))
    return told


def fault_of(error: grpc.aio.AioRpcError) -> Fault | None:
    """The Fault that a peer answered, or None when the error did not come from one of our services."""
    status = rpc_status.from_call(error)
    return None if status is None else fault_in(status)


def fault_in(status: Status) -> Fault | None:
    """The Fault that a status tells, or None when it is not one of ours."""
    info, violations = None, []
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo.FromString(detail.value)
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            request = error_details_pb2.BadRequest.FromString(detail.value)
            violations = [Violation(each.field, each.description) for each in request.field_violations]
    if info is None or status.code not in _KINDS:
        return None
    return Fault(_KINDS[status.code], info.reason, status.message, metadata=info.metadata, violations=violations)
