"""What Envoy itself may refuse a call with, in the words of the API. The reasons are `kehu.errors.v1.ErrorReason`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from google.rpc import code_pb2


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refusal, told from the others by Envoy's HTTP status and, where that isn't enough, a flag or a detail."""

    http: int
    """The status that Envoy chose."""
    code: int
    """The gRPC code, for REST callers in the body."""
    reason: str
    message: str
    flag: str = ""
    """Envoy's response flag, for example `UO` for an open circuit breaker."""
    detail: str = ""
    """A part of Envoy's response code detail."""
    answer: int = 0
    """The status that REST callers get, where it is not the one that Envoy chose."""
    grpc_code: int | None = None
    """The gRPC code for gRPC callers, where the two worlds have different habits."""
    own_words: bool = False
    """Whether REST callers get Envoy's own sentence, which names the field or the position, instead of `message`."""
    retry_seconds: int = 0
    """After how long to try again; 0: not at all without a change."""


_INVALID = Refusal(400, code_pb2.INVALID_ARGUMENT, "REQUEST_INVALID", "the request can't be read", own_words=True)
_UNKNOWN = Refusal(
    404,
    code_pb2.NOT_FOUND,
    "METHOD_UNKNOWN",
    "the API has no such path or method",
    grpc_code=code_pb2.UNIMPLEMENTED,
)
_TOKEN = Refusal(
    401,
    code_pb2.UNAUTHENTICATED,
    "UNAUTHENTICATED",
    "the token can't be verified: its signature, issuer, audience or times are wrong",
)
_BUSY = Refusal(
    429, code_pb2.RESOURCE_EXHAUSTED, "OVERLOADED", "too many calls are under way; try again", retry_seconds=1
)
_AWAY = Refusal(
    503,
    code_pb2.UNAVAILABLE,
    "UNAVAILABLE",
    "the service can't be reached; try again with the same request_id",
    retry_seconds=1,
)
_LATE = Refusal(504, code_pb2.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "the deadline passed before the service answered")

REFUSALS = (
    _INVALID,
    replace(_TOKEN, message="the call carries no token; send `authorization: Bearer <token>`", detail="Jwt_is_missing"),
    replace(_TOKEN, message="the token has expired; get a new one", detail="Jwt_is_expired"),
    _TOKEN,
    # Envoy says 403 to a token for another audience; to us it is no token at all.
    replace(_TOKEN, http=403, answer=401, detail="jwt_authn"),
    Refusal(403, code_pb2.PERMISSION_DENIED, "SCOPE_MISSING", "the call is not allowed"),
    _UNKNOWN,
    replace(_UNKNOWN, http=405),
    replace(_LATE, http=408, message="the request did not arrive in time"),
    Refusal(
        413,
        code_pb2.RESOURCE_EXHAUSTED,
        "REQUEST_TOO_LARGE",
        "the request is larger than the method allows; send fewer rows",
    ),
    _BUSY,
    Refusal(500, code_pb2.INTERNAL, "INTERNAL", "the gateway failed; its operators have been told"),
    replace(_AWAY, http=502, message="the service broke off; try again with the same request_id"),
    replace(_BUSY, http=503, flag="UO", answer=429),
    _AWAY,
    _LATE,
)
"""The first that fits is said."""
