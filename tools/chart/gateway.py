"""The gateway's configuration as a text with Go templates in it, for the chart.

The configuration of a cluster is rendered with marks where the chart decides; each mark becomes an expression over
the template's context (see `kehu.gateway.context` in the chart). What may be there or not, such as TLS, is rendered
with and without it, and the lines that differ stand in an `if`. So the chart repeats nothing of gateway/.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

import yaml

from gateway.bootstrap import render
from gateway.place import Address, Issuer, Mutual, Place, Tls, cluster
from gateway.rules import Rules

SERVICES = ("campaigns", "members", "orders", "pipeline")

_FILES = "/etc/kehu"
_JWKS = "jwks.marked.json"
_COLLECTOR = "collector.marked"
_ISSUER_HOST = "issuer.marked"
_ISSUER = "issuer-name-marked"
_AUDIENCE = "audience-marked"
_RATIO = 0.0777
_HOPS = 71

# Numbers that stand nowhere else.
_LIMITS = {
    "callsBurst": 7_710_021,
    "callerCallsBurst": 7_710_031,
    "entriesBurst": 7_710_041,
    "connections": 7_710_051,
    "upstreamConnections": 7_710_061,
    "upstreamPending": 7_710_071,
    "heapBytes": 771_009_100,
}
# What each service may have under way: these, times the marks of the replicas' shares.
_PER_REPLICA = {"calls": 1, "streams": 3}
_SHARES = {service: 7_730_001 + 20 * number for number, service in enumerate(SERVICES)}
# A bucket is filled ten times a second.
_FILLS = {"callsPerSecond": 7_720_010, "callerCallsPerSecond": 7_720_020, "entriesPerSecond": 7_720_030}
# Stand-ins for the braces of an action, until those of the configuration itself are escaped.
_OPEN, _CLOSE = "\N{LEFT WHITE LENTICULAR BRACKET}", "\N{RIGHT WHITE LENTICULAR BRACKET}"


def template() -> str:
    """The whole text."""
    plain = _dump(_place())
    options = {
        "tls": _place(tls=Tls(Address("0.0.0.0", 8443), f"{_FILES}/tls/tls.crt", f"{_FILES}/tls/tls.key")),  # noqa: S104
        "mutual": _place(mutual=Mutual(*(f"{_FILES}/mutual/{name}" for name in ("tls.crt", "tls.key", "ca.crt")))),
        "issuer": _place(issuer=Issuer(_ISSUER, f"https://{_ISSUER_HOST}:4430/keys", [_AUDIENCE])),
        "collector": _place(otlp_endpoint=f"http://{_COLLECTOR}:43180"),
    }
    text = "\n".join(_woven(plain, {name: _dump(place) for name, place in options.items()})) + "\n"
    return _marked(text.replace("{{", '{{ "{{" }}').replace(_OPEN, "{{").replace(_CLOSE, "}}"))


def _place(**options: object) -> Place:
    upstreams = {service: [Address(f"{service}.marked", 50051)] for service in SERVICES}
    here = replace(
        cluster(upstreams, jwks=f"{_FILES}/jwks/{_JWKS}"),
        status=Address("0.0.0.0", 9902),  # noqa: S104 - a pod has nothing but its own interfaces
        descriptors=f"{_FILES}/gateway/descriptors.binpb",
        trace_ratio=_RATIO,
        trusted_hops=_HOPS,
        shares=_SHARES,
    )
    return replace(here, **options)  # type: ignore[arg-type]


def _rules() -> Rules:
    rules = Rules.read()
    raw = rules.model_dump()
    raw["rate_limit"] = {"calls_per_second": _FILLS["callsPerSecond"], "burst": _LIMITS["callsBurst"]}
    raw["caller_limit"] = {"calls_per_second": _FILLS["callerCallsPerSecond"], "burst": _LIMITS["callerCallsBurst"]}
    raw["entry_limit"] = {"calls_per_second": _FILLS["entriesPerSecond"], "burst": _LIMITS["entriesBurst"]}
    raw["breaker"] = {
        "max_connections": _LIMITS["upstreamConnections"],
        "max_pending": _LIMITS["upstreamPending"],
        **{f"{kind}_per_replica": number for kind, number in _PER_REPLICA.items()},
    }
    raw["downstream"] |= {"max_connections": _LIMITS["connections"], "max_heap_bytes": _LIMITS["heapBytes"]}
    return Rules.model_validate(raw)


def _dump(place: Place) -> list[str]:
    text = yaml.safe_dump(render(place, rules=_rules()), sort_keys=False, allow_unicode=True, width=1_000_000)
    return str(text).splitlines()


@dataclass(frozen=True, slots=True)
class _Change:
    """Lines of the plain text that an option replaces by others."""

    start: int
    end: int
    option: str
    lines: Sequence[str]


def _woven(plain: Sequence[str], options: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The plain lines, with those that an option changes in an `if`. `ValueError` if two options change the same."""
    changes = sorted(
        (
            _Change(start, end, option, lines[first:last])
            for option, lines in options.items()
            for tag, start, end, first, last in SequenceMatcher(None, plain, lines, autojunk=False).get_opcodes()
            if tag != "equal"
        ),
        key=lambda change: (change.start, change.end),
    )
    at = 0
    for change in changes:
        if change.start < at:
            raise ValueError(f"{change.option} changes what another option changes: {plain[change.start]!r}")
        yield from plain[at : change.start]
        yield f"{_OPEN}- if .{change.option} {_CLOSE}"
        yield from change.lines
        if change.end > change.start:
            yield f"{_OPEN}- else {_CLOSE}"
            yield from plain[change.start : change.end]
        yield f"{_OPEN}- end {_CLOSE}"
        at = change.end
    yield from plain[at:]


def _marked(text: str) -> str:
    """The text with an expression for each mark. `ValueError` if a mark is missing: then the chart decides nothing."""
    for mark, expression in _expressions():
        if mark not in text:
            raise ValueError(f"the configuration has no {mark!r}")
        text = text.replace(mark, expression)
    return text


def _expressions() -> Iterator[tuple[str, str]]:
    for service in SERVICES:
        yield f"{service}.marked", f"{{{{ .upstreams.{service} }}}}"
    yield _JWKS, "{{ .jwks }}"
    yield f"http://{_COLLECTOR}:43180", "{{ .collector.endpoint }}"
    yield _COLLECTOR, "{{ .collector.host }}"
    yield "port_value: 43180", "port_value: {{ .collector.port }}"
    yield f"https://{_ISSUER_HOST}:4430/keys", "{{ .issuer.jwksUri }}"
    yield _ISSUER_HOST, "{{ .issuer.host }}"
    yield "port_value: 4430", "port_value: {{ .issuer.port }}"
    yield _ISSUER, "{{ .issuer.name | quote }}"
    yield f"- {_AUDIENCE}", "- {{ .issuer.audience | quote }}"
    yield f"value: {_RATIO * 100}", "value: {{ .tracePercent }}"
    yield f"xff_num_trusted_hops: {_HOPS}", "xff_num_trusted_hops: {{ .trustedHops }}"
    yield "allow_origin_string_match: []", "allow_origin_string_match: {{ .origins }}"
    for name, number in _LIMITS.items():
        yield str(number), f"{{{{ int64 .limits.{name} }}}}"
    for service, share in _SHARES.items():
        for kind, number in _PER_REPLICA.items():
            yield f"max_requests: {number * share}", f"max_requests: {{{{ int64 .under.{service}.{kind} }}}}"
    for name, number in _FILLS.items():
        yield str(number // 10), f"{{{{ div .limits.{name} 10 }}}}"
