"""How many calls may come: token buckets in each gateway process, one over all callers and one for each."""

from __future__ import annotations

from gateway.rules import RateLimit
from gateway.typed import Json

FILTER = "envoy.filters.http.local_ratelimit"
PER_CALLER = "envoy.filters.http.local_ratelimit.per_caller"
_CALLERS = 20_000
"""How many callers are remembered at once; the one that was away longest is forgotten first."""

TYPE = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"


def bucket(limit: RateLimit, name: str) -> Json:
    """The filter's settings for a limit; its metrics are under the name. Beyond it the answer is RESOURCE_EXHAUSTED."""
    return {"token_bucket": _tokens(limit), **_always(name)}


def per_caller(limit: RateLimit, *, metadata: str, claims: str) -> Json:
    """The same with a bucket for each subject of a verified token, which an earlier filter has left in the metadata."""
    subject = {"key": metadata, "path": [{"key": claims}, {"key": "sub"}]}
    action = {"descriptor_key": "caller", "metadata_key": subject, "source": "DYNAMIC"}
    return {
        "rate_limits": [{"actions": [{"metadata": action}]}],
        # An entry without a value stands for every value, each with a bucket of its own.
        "descriptors": [{"entries": [{"key": "caller"}], "token_bucket": _tokens(limit)}],
        "max_dynamic_descriptors": _CALLERS,
        # Whoever comes without a token is held by the limit over all.
        "token_bucket": {"max_tokens": 1_000_000_000, "tokens_per_fill": 1_000_000_000, "fill_interval": "1s"},
        "always_consume_default_token_bucket": False,
        **_always("callers"),
    }


def _tokens(limit: RateLimit) -> Json:
    return {
        "max_tokens": limit.burst,
        "tokens_per_fill": max(1, limit.calls_per_second // 10),
        "fill_interval": "0.1s",
    }


def _always(name: str) -> Json:
    always = {"default_value": {"numerator": 100}}
    return {
        "stat_prefix": name,
        "filter_enabled": always,
        "filter_enforced": always,
        "rate_limited_as_resource_exhausted": True,
    }
