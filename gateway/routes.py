"""The routes: which class of call goes to which service, by the paths that the descriptors declare."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway import clusters, limits
from gateway.api import Rpc, Service
from gateway.rules import CallClass, RateLimit, Retry, Rules
from gateway.typed import Json, config, extension, seconds

BATCH = re.compile(r"(Batch|Import)[A-Z]")
"""Names of methods that take many rows at once."""

ENTRY = re.compile(r"Enter[A-Za-z]*WaitingRoom$")
"""Names of methods that let a crowd in, one after the other."""

NOTICE = Path(__file__).with_name("notice.lua")

_GET = [{"name": ":method", "string_match": {"exact": "GET"}}]
_POST = [{"name": ":method", "string_match": {"exact": "POST"}}]


@dataclass(frozen=True, slots=True)
class _Plan:
    """One route to be: the calls it takes, and the class they are of."""

    kind: str
    match: Json
    json: bool
    """Whether JSON bodies come this way."""
    limit: RateLimit | None = None
    """How many calls it takes, beside the limit of all."""


def routes(service: Service, rules: Rules) -> list[Json]:
    """The routes of one service, the exact ones first; the last one also takes REST calls with a wrong verb."""
    batches = [rpc for rpc in service.rpcs if BATCH.match(rpc.name)]
    streams = [rpc for rpc in service.rpcs if rpc.streams]
    reads = [rpc for rpc in service.rpcs if rpc.reads and rpc not in (*batches, *streams)]
    plans: list[_Plan] = []
    if notices := [rpc for rpc in service.rpcs if rpc.self_proving]:
        plans.append(_Plan("notice", {**_regex(_rest(notices)), "headers": _POST}, json=False))
    if entries := [rpc for rpc in service.rpcs if ENTRY.match(rpc.name)]:
        plans.append(_Plan("entry", _regex(_grpc(entries)), json=False, limit=rules.entry_limit))
        plans.append(_Plan("entry", {**_regex(_rest(entries)), "headers": _POST}, json=True, limit=rules.entry_limit))
    if streams:
        plans.append(_Plan("stream", _regex(_grpc(streams)), json=False))
        plans.append(_Plan("stream", {**_regex(_rest(streams)), "headers": _GET}, json=False))
    if batches:
        plans.append(_Plan("batch", _regex([*_grpc(batches), *_rest(batches)]), json=True))
    if reads:
        plans.append(_Plan("read", _regex(_grpc(reads)), json=False))
        plans.append(_Plan("read", {**_regex(_rest(reads)), "headers": _GET}, json=False))
    plans.append(_Plan("write", {"prefix": f"/{service.name}/"}, json=False))
    if rest := _rest(service.rpcs):
        plans.append(_Plan("write", _regex(rest), json=True))
    return [_route(service.room, plan, rules) for plan in plans]


def self_proving(services: Iterable[Service]) -> list[Json]:
    """What needs no token: the REST form, and only that, of methods that check a signature themselves."""
    paths = _rest(rpc for service in services for rpc in service.rpcs if rpc.self_proving)
    return [{**_regex(paths), "headers": _POST}] if paths else []


def _grpc(rpcs: Iterable[Rpc]) -> list[str]:
    return [re.escape(rpc.path) for rpc in rpcs]


def _rest(rpcs: Iterable[Rpc]) -> list[str]:
    return sorted({binding.template.regex for rpc in rpcs for binding in rpc.bindings})


def _regex(patterns: Sequence[str]) -> Json:
    return {"safe_regex": {"regex": "|".join(patterns)}}


def _route(room: str, plan: _Plan, rules: Rules) -> Json:
    kind: CallClass = getattr(rules.classes, plan.kind)
    filters = {
        "envoy.filters.http.buffer": config(
            "envoy.extensions.filters.http.buffer.v3.BufferPerRoute",
            buffer={"max_request_bytes": kind.max_body_bytes},
        )
    }
    if plan.kind == "notice":
        filters["envoy.filters.http.lua"] = config(
            "envoy.extensions.filters.http.lua.v3.LuaPerRoute", source_code={"inline_string": NOTICE.read_text()}
        )
    elif not plan.json:
        filters["envoy.filters.http.lua"] = config("envoy.extensions.filters.http.lua.v3.LuaPerRoute", disabled=True)
    if plan.limit is not None:
        name, bucket = limits.FILTER, limits.bucket(plan.limit, f"{room}_{plan.kind}")
        filters[name] = config(limits.TYPE, **bucket)
    return {
        "name": f"{room}.{plan.kind}",
        "match": plan.match,
        "route": {
            "cluster": room,
            **({"priority": clusters.STREAMS} if plan.kind == "stream" else {}),
            # The gRPC deadline of the caller travels on to the service, which keeps the shorter of the two.
            "timeout": seconds(kind.timeout_seconds),
            "retry_policy": _retry(kind, rules.retry),
        },
        "typed_per_filter_config": filters,
    }


def _retry(kind: CallClass, retry: Retry) -> Json:
    elsewhere = extension(
        "envoy.retry_host_predicates.previous_hosts",
        "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
    )
    return {
        "retry_on": ",".join(kind.retry_on),
        "num_retries": retry.attempts,
        "retry_back_off": {
            "base_interval": seconds(retry.base_milliseconds / 1000),
            "max_interval": seconds(retry.max_milliseconds / 1000),
        },
        "retry_host_predicate": [elsewhere],
        "host_selection_retry_max_attempts": 3,
    }
