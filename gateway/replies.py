"""Envoy's own refusals in the form of every other refusal: `google.rpc.Status` with an `ErrorInfo`.

A REST caller gets the Status as JSON. A gRPC caller gets its code and message, and the whole of it in
`grpc-status-details-bin`.
"""

from __future__ import annotations

import base64

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from gateway.refusals import REFUSALS, Refusal
from gateway.typed import Json, extension

DOMAIN = "kehu.dev"

_TYPE = "type.googleapis.com/google.rpc"


def config() -> Json:
    """The `local_reply_config` of the public listener."""
    mappers = [mapper for refusal in REFUSALS for mapper in (_to_grpc(refusal), _to_rest(refusal))]
    return {"mappers": [*mappers, _unforeseen()]}


def status(refusal: Refusal) -> status_pb2.Status:
    """The refusal as a service would say it to a gRPC caller."""
    details: list[Message] = [error_details_pb2.ErrorInfo(reason=refusal.reason, domain=DOMAIN)]
    if refusal.retry_seconds:
        details.append(error_details_pb2.RetryInfo(retry_delay=Duration(seconds=refusal.retry_seconds)))
    code = refusal.code if refusal.grpc_code is None else refusal.grpc_code
    return status_pb2.Status(code=code, message=refusal.message, details=[_packed(detail) for detail in details])


def _packed(detail: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(detail)
    return packed


def _to_grpc(refusal: Refusal) -> Json:
    said = status(refusal)
    return {
        "filter": {"and_filter": {"filters": [*_recognised(refusal), *_GRPC_CALLER]}},
        "headers_to_add": [
            _header("grpc-status", str(said.code)),
            _header("grpc-message", said.message),
            _header("grpc-status-details-bin", base64.b64encode(said.SerializeToString()).rstrip(b"=").decode()),
        ],
        # What Envoy does for gRPC by itself, gRPC-Web needs to be told: status 200, gRPC's type, and no body.
        "status_code": 200,
        "body_format_override": {"text_format_source": {"inline_string": ""}, "content_type": "application/grpc"},
    }


def _to_rest(refusal: Refusal) -> Json:
    mapper: Json = {
        "filter": {"and_filter": {"filters": [*_recognised(refusal), _REST_CALLER]}},
        "body_format_override": _json_format(refusal),
    }
    if refusal.answer:
        mapper["status_code"] = refusal.answer
    if refusal.retry_seconds:
        # What HTTP clients know of by themselves.
        mapper["headers_to_add"] = [_header("retry-after", str(refusal.retry_seconds))]
    return mapper


def _unforeseen() -> Json:
    """Any other refusal to a REST caller, in Envoy's own words."""
    other = Refusal(400, code_pb2.INVALID_ARGUMENT, "REQUEST_INVALID", "", own_words=True)
    return {
        "filter": {"and_filter": {"filters": [_status(other.http, "GE"), _REST_CALLER]}},
        "body_format_override": _json_format(other),
    }


def _json_format(refusal: Refusal) -> Json:
    details: list[Json] = [{"@type": f"{_TYPE}.ErrorInfo", "reason": refusal.reason, "domain": DOMAIN}]
    if refusal.retry_seconds:
        details.append({"@type": f"{_TYPE}.RetryInfo", "retryDelay": f"{refusal.retry_seconds}s"})
    message = "%LOCAL_REPLY_BODY%" if refusal.own_words else refusal.message
    return {
        "json_format": {"code": refusal.code, "message": message, "details": details},
        "content_type": "application/json",
    }


def _header(name: str, value: str) -> Json:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _recognised(refusal: Refusal) -> list[Json]:
    filters = [_status(refusal.http)]
    if refusal.flag:
        filters.append({"response_flag_filter": {"flags": [refusal.flag]}})
    if refusal.detail:
        detail = extension(
            "envoy.access_loggers.extension_filters.cel",
            "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
            expression=f"response.code_details.contains('{refusal.detail}')",
        )
        filters.append({"extension_filter": detail})
    return filters


def _status(http: int, comparison: str = "EQ") -> Json:
    value = {"default_value": http, "runtime_key": "unused"}
    return {"status_code_filter": {"comparison": {"op": comparison, "value": value}}}


def _request_header(name: str, **match: object) -> Json:
    return {"header_filter": {"header": {"name": name, "treat_missing_header_as_empty": True, **match}}}


_GRPC = {"prefix": "application/grpc"}
# A transcoded call looks like gRPC by the time it fails; the transcoder leaves the path that it had before.
_GRPC_CALLER = [
    _request_header("content-type", string_match=_GRPC),
    _request_header("x-envoy-original-path", string_match={"exact": ""}),
]
_REST_CALLER: Json = {
    "or_filter": {
        "filters": [
            _request_header("content-type", string_match=_GRPC, invert_match=True),
            _request_header("x-envoy-original-path", string_match={"exact": ""}, invert_match=True),
        ]
    }
}
