"""The objectives, and the rules that follow from them: `rules/slos.yaml` is made from this.

What is recorded each half minute is how many requests there were a second over 5 minutes, and how many of them were
bad; longer windows are sums of these, so that thirty days cost little. An alert looks at a long window, so that it
means something, and at a short one, so that it ends when the trouble does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

WINDOWS = ("30m", "1h", "6h", "3d", "30d")
FAULTS = "DEADLINE_EXCEEDED|INTERNAL|UNAVAILABLE|UNKNOWN|DATA_LOSS|RESOURCE_EXHAUSTED"
_TAKEN_IN = 'rpc_response_status_code!~"RESOURCE_EXHAUSTED|UNAVAILABLE"'
"""Calls that were worked on. To be turned away at once is not to be quick: many such would hide those that wait."""

Rule = dict[str, object]


@dataclass(frozen=True)
class Slo:
    """A promise over 30 days: the share of requests that are not bad."""

    name: str
    title: str
    objective: float
    promise: str
    requests: str
    """How many there are a second, as PromQL over 5 minutes."""
    errors: str
    """How many of them are bad."""

    @property
    def budget(self) -> float:
        """The share that may be bad."""
        return round(1 - self.objective, 6)

    @property
    def camel(self) -> str:
        """The beginning of its alerts' names."""
        return "".join(word.capitalize() for word in self.name.split("-"))


@dataclass(frozen=True)
class Burn:
    """How fast the budget of 30 days is used up when an alert comes."""

    suffix: str
    factor: float
    long: str
    short: str
    severity: str
    lasts: str
    """How long the budget lasts at this rate."""


BURNS = (
    Burn("BudgetBurnsFast", 14.4, "1h", "5m", "page", "two days"),
    Burn("BudgetBurns", 6, "6h", "30m", "page", "five days"),
    Burn("BudgetBurnsSlowly", 1, "3d", "6h", "ticket", "less than the month"),
)


def _calls(methods: str, more: str = "") -> str:
    labels = f'rpc_method=~"{methods}"{more}'
    return f"sum(rate(rpc_server_call_duration_seconds_count{{{labels}}}[5m]))"


def _within(methods: str, seconds: str) -> str:
    labels = f'rpc_method=~"{methods}",{_TAKEN_IN},le="{seconds}"'
    return f"sum(rate(rpc_server_call_duration_seconds_bucket{{{labels}}}[5m]))"


def _unreached(service: str) -> str:
    """Calls that the gateway could bring to no process of a service: no service can count those."""
    labels = f'service="gateway",envoy_cluster_name="{service}",envoy_response_code="503"'
    return f"(sum(rate(envoy_cluster_upstream_rq{{{labels}}}[5m])) or vector(0))"


def _answered(service: str, methods: str) -> tuple[str, str]:
    bad = _calls(methods, f',rpc_response_status_code=~"{FAULTS}"')
    unreached = _unreached(service)
    return f"({_calls(methods)} or vector(0)) + {unreached}", f"({bad} or vector(0)) + {unreached}"


def _quick(methods: str, seconds: str) -> tuple[str, str]:
    taken_in = _calls(methods, f",{_TAKEN_IN}")
    return taken_in, f"{taken_in} - {_within(methods, seconds)}"


CHECKOUT = r"kehu\\.orders\\.v1\\..+/(PlaceOrder|CheckoutCart|PayOrder|BuyFlashSale)"
POINTS = r"kehu\\.members\\.v1\\..+/(AccruePoints|SpendPoints|CreateHold|ConfirmHold|ReleaseHold|GetBalance)"
"""The methods that the promises are about, as a regular expression in PromQL."""
_EVENTS = "sum(rate(event_age_seconds_count[5m]))"

SLOS: tuple[Slo, ...] = (
    Slo(
        "checkout-availability",
        "Checkout answers",
        0.999,
        "99.9 % of the calls that place and pay orders are answered, by an order or by a refusal that is the caller's",
        *_answered("orders", CHECKOUT),
    ),
    Slo(
        "checkout-latency",
        "Checkout is quick",
        0.99,
        "99 % of the calls that place and pay orders are answered within 1 s",
        *_quick(CHECKOUT, "1.0"),
    ),
    Slo(
        "points-availability",
        "Points answer",
        0.999,
        "99.9 % of the calls that earn, hold, spend and read points are answered",
        *_answered("members", POINTS),
    ),
    Slo(
        "points-latency",
        "Points are quick",
        0.99,
        "99 % of the calls that earn, hold, spend and read points are answered within 0.5 s",
        *_quick(POINTS, "0.5"),
    ),
    Slo(
        "event-freshness",
        "Events are fresh",
        0.99,
        "99 % of the events have their effect within 5 s of the commit behind them",
        _EVENTS,
        f'{_EVENTS} - sum(rate(event_age_seconds_bucket{{le="5.0"}}[5m]))',
    ),
)


def document() -> dict[str, object]:
    """What Prometheus reads."""
    return {"groups": [{"name": f"slo.{slo.name}", "interval": "30s", "rules": list(_rules(slo))} for slo in SLOS]}


def _rules(slo: Slo) -> Iterator[Rule]:
    selector = f'{{slo="{slo.name}"}}'

    def record(name: str, expression: str) -> Rule:
        return {"record": name, "expr": expression, "labels": {"slo": slo.name}}

    yield record("slo:requests:rate5m", slo.requests)
    yield record("slo:errors:rate5m", slo.errors)
    yield record("slo:error_ratio:5m", f"slo:errors:rate5m{selector} / slo:requests:rate5m{selector}")
    for window in WINDOWS:
        sums = [f"sum_over_time(slo:{each}:rate5m{selector}[{window}])" for each in ("errors", "requests")]
        yield record(f"slo:error_ratio:{window}", " / ".join(sums))
    yield record("slo:objective:ratio", f"vector({slo.objective})")
    yield record("slo:budget_left:ratio", f"1 - slo:error_ratio:30d{selector} / {slo.budget}")
    for burn in BURNS:
        yield _alert(slo, burn)


def _alert(slo: Slo, burn: Burn) -> Rule:
    limit = f"{burn.factor} * {slo.budget}"
    windows = [f'slo:error_ratio:{window}{{slo="{slo.name}"}} > {limit}' for window in (burn.long, burn.short)]
    summary = f"{slo.title}: {{{{ $value | humanizePercentage }}}} bad over {burn.long}, the budget lasts {burn.lasts}"
    return {
        "alert": f"{slo.camel}{burn.suffix}",
        "expr": " and ".join(windows),
        "labels": {"severity": burn.severity},
        "annotations": {"summary": summary, "runbook_url": f"docs/operations.md#{runbook(slo)}"},
    }


def runbook(slo: Slo) -> str:
    """The section to read, one for an objective's three alerts."""
    return f"slo-{slo.name}"
