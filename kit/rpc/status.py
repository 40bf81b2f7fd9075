"""A Fault on the wire: `google.rpc.Status` with one ErrorInfo, and the details that its kind calls for (AIP-193)."""

from __future__ import annotations

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from kit.errors import Fault, Kind, Violation

DOMAIN = "kehu.dev"

CODES: dict[Kind, grpc.StatusCode] = {kind: grpc.StatusCode[kind.value] for kind in Kind}
"""The one table from a Fault's kind to gRPC's status."""

_KINDS = {code: kind for kind, code in CODES.items()}


def status_of(fault: Fault) -> Status:
    """The status that a client sees."""
    details: list[Message] = [error_details_pb2.ErrorInfo(reason=fault.reason, domain=DOMAIN, metadata=fault.metadata)]
    if fault.violations:
        fields = [
            error_details_pb2.BadRequest.FieldViolation(field=violation.field, description=violation.description)
            for violation in fault.violations
        ]
        details.append(error_details_pb2.BadRequest(field_violations=fields))
    if fault.retry_after is not None:
        delay = Duration()
        delay.FromTimedelta(fault.retry_after)
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    if fault.kind is Kind.NOT_FOUND and "name" in fault.metadata:
        details.append(error_details_pb2.ResourceInfo(resource_name=fault.metadata["name"], description=fault.message))
    packed = []
    for detail in details:
        any_detail = Any()
        any_detail.Pack(detail)
        packed.append(any_detail)
    return Status(code=CODES[fault.kind].value[0], message=fault.message, details=packed)


async def abort(context: grpc.aio.ServicerContext, fault: Fault) -> None:
    """End the call with the fault; does not return."""
    await context.abort_with_status(rpc_status.to_status(status_of(fault)))


def fault_of(error: grpc.aio.AioRpcError) -> Fault | None:
    """The Fault that a peer answered, or None when the error did not come from one of our services."""
    status = rpc_status.from_call(error)
    if status is None:
        return None
    info, violations = None, []
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo.FromString(detail.value)
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            request = error_details_pb2.BadRequest.FromString(detail.value)
            violations = [Violation(each.field, each.description) for each in request.field_violations]
    if info is None or error.code() not in _KINDS:
        return None
    return Fault(_KINDS[error.code()], info.reason, status.message, metadata=info.metadata, violations=violations)
