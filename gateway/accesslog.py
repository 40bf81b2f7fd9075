"""The access log: one JSON object a call, with nothing in it that tells who called or what about."""

from __future__ import annotations

from gateway.typed import Json, extension

# No query string, no caller's address, no token. The path after transcoding is the gRPC method: it holds no id.
_FIELDS = {
    "time": "%START_TIME%",
    "verb": "%REQ(X-ENVOY-ORIGINAL-METHOD?:METHOD)%",
    "protocol": "%PROTOCOL%",
    "route": "%ROUTE_NAME%",
    "status": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "detail": "%RESPONSE_CODE_DETAILS%",
    "duration_ms": "%DURATION%",
    "upstream_ms": "%RESPONSE_DURATION%",
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "bytes_in": "%BYTES_RECEIVED%",
    "bytes_out": "%BYTES_SENT%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "trace_id": "%TRACE_ID%",
}


def loggers() -> list[Json]:
    """Calls of known methods with their method; the rest without a path, which may hold anything."""
    known = {**_FIELDS, "rpc": "%PATH(NQ:PATH)%"}
    return [
        _stdout({**known, "grpc_status": "%GRPC_STATUS%"}, _all(_routed(known=True), _transcoded(yes=False))),
        # Of what was transcoded Envoy only guesses it, from the HTTP status: INVALID_ARGUMENT would be `Internal`.
        _stdout(known, _all(_routed(known=True), _transcoded(yes=True))),
        _stdout(_FIELDS, _routed(known=False)),
    ]


def _stdout(fields: dict[str, str], which: Json) -> Json:
    logger = extension(
        "envoy.access_loggers.stdout",
        "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
        log_format={"json_format": fields},
    )
    return {**logger, "filter": which}


def _all(*filters: Json) -> Json:
    return {"and_filter": {"filters": list(filters)}}


def _transcoded(*, yes: bool) -> Json:
    header = {"name": "x-envoy-original-path", "present_match": True, "invert_match": not yes}
    return {"header_filter": {"header": header}}


def _routed(*, known: bool) -> Json:
    # A transcoded call has become gRPC by the time it is logged.
    grpc = {"name": "content-type", "string_match": {"prefix": "application/grpc"}, "invert_match": not known}
    return {"header_filter": {"header": grpc}}
