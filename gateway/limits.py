"""How many calls may come: a token bucket in each gateway process."""

from __future__ import annotations

from gateway.rules import RateLimit
from gateway.typed import Json

FILTER = "envoy.filters.http.local_ratelimit"
TYPE = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"


def bucket(limit: RateLimit, name: str) -> Json:
    """The filter's settings for a limit; its metrics are under the name. Beyond it the answer is RESOURCE_EXHAUSTED."""
    always = {"default_value": {"numerator": 100}}
    return {
        "stat_prefix": name,
        "token_bucket": {
            "max_tokens": limit.burst,
            "tokens_per_fill": max(1, limit.calls_per_second // 10),
            "fill_interval": "0.1s",
        },
        "filter_enabled": always,
        "filter_enforced": always,
        "rate_limited_as_resource_exhausted": True,
    }
