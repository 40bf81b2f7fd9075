"""What every answer tells a browser, refusals included."""

from __future__ import annotations

from gateway.typed import Json, http_filter

# The answers are data for programs: nothing in them may be run, framed, guessed at or kept by anybody on the way.
_ALWAYS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-site",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_SECURE = {"strict-transport-security": "max-age=31536000; includeSubDomains"}
_OF_THE_INSIDE = ("x-envoy-upstream-service-time",)


def filter_of(*, secure: bool) -> Json:
    """The filter that adds them, first of all so that it sees the refusals of all others."""
    given = {**_ALWAYS, **(_SECURE if secure else {})}
    return http_filter(
        "header_mutation",
        "HeaderMutation",
        mutations={
            "response_mutations": [
                *(_append(name, value) for name, value in given.items()),
                *({"remove": name} for name in _OF_THE_INSIDE),
            ]
        },
    )


def _append(name: str, value: str) -> Json:
    return {"append": {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
