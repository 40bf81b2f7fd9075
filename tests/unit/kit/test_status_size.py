"""What is said of a bad request fits into the trailers of a gRPC call."""

from __future__ import annotations

from urllib.parse import quote

from google.rpc.error_details_pb2 import BadRequest

from kit.errors import Fault, Kind, Violation, invalid_fields
from kit.rpc.status import status_of

TRAILERS = 8 * 1024


def in_trailers(fault: Fault) -> int:
    """Bytes that the status takes there: in base64, and its message once more, percent-encoded."""
    status = status_of(fault)
    return int(status.ByteSize()) * 4 // 3 + len(quote(status.message))


def test_a_thousand_violations_are_told_as_far_as_they_fit() -> None:
    fault = invalid_fields(
        [Violation(f"rows[{n}].title", "must not be longer than 200 characters") for n in range(1000)]
    )
    told = BadRequest()
    assert status_of(fault).details[1].Unpack(told)
    shown = len(told.field_violations) - 1
    assert told.field_violations[0].field == "rows[0].title"
    assert told.field_violations[-1].description == f"and {1000 - shown} more"
    assert in_trailers(fault) < TRAILERS


def test_texts_of_any_length_are_cut() -> None:
    long = "长" * 5000
    assert in_trailers(invalid_fields([Violation(long, long)])) < TRAILERS
    assert in_trailers(Fault(Kind.NOT_FOUND, "NOT_FOUND", long, metadata={"name": long})) < TRAILERS


def test_a_short_list_is_told_whole() -> None:
    fault = invalid_fields([Violation("phone", "is needed"), Violation("email", "has no @")])
    told = BadRequest()
    assert status_of(fault).details[1].Unpack(told)
    assert [(each.field, each.description) for each in told.field_violations] == [
        ("phone", "is needed"),
        ("email", "has no @"),
    ]
