"""The burn-rate alerts: they fire above their rate, are quiet below it, and end soon after the trouble does."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.observability.slo import BURNS, SLOS, Burn, Slo
from tests.observability.promtool import ALERTS, Expected, fails

_REQUESTS = 10_000
_COUNT = "rpc_server_call_duration_seconds_count"
_METHODS = {
    "checkout-availability": "kehu.orders.v1.OrdersService/PlaceOrder",
    "checkout-latency": "kehu.orders.v1.OrdersService/PlaceOrder",
    "points-availability": "kehu.members.v1.LedgerService/CreateHold",
    "points-latency": "kehu.members.v1.LedgerService/CreateHold",
}
_WITHIN = {"checkout-latency": "1.0", "points-latency": "0.5", "event-freshness": "5.0"}


def series(slo: Slo, *, bad: str, good: str, every: str) -> dict[str, str]:
    """What an objective counts, with these values of the bad ones, the good ones, and all."""
    if slo.name == "event-freshness":
        return {
            'event_age_seconds_bucket{queue="q",le="5.0"}': good,
            'event_age_seconds_count{queue="q"}': every,
        }
    labels = f'service="s",rpc_method="{_METHODS[slo.name]}"'
    if slo.name in _WITHIN:
        bucket = f'rpc_server_call_duration_seconds_bucket{{{labels},le="{_WITHIN[slo.name]}"}}'
        return {bucket: good, f"{_COUNT}{{{labels}}}": every}
    return {
        f'{_COUNT}{{{labels},rpc_response_status_code="UNAVAILABLE"}}': bad,
        f'{_COUNT}{{{labels},rpc_response_status_code="NOT_FOUND"}}': good,
    }


def summary(slo: Slo, burn: Burn, ratio: float) -> str:
    text: str = ALERTS[alert(slo, burn)]["annotations"]["summary"]
    return text.replace("{{ $value | humanizePercentage }}", f"{100 * ratio:.4g}%")


def alert(slo: Slo, burn: Burn) -> str:
    return f"{slo.camel}{burn.suffix}"


def in_an_hour(slo: Slo, *, factor: float, rest: int = 0) -> Expected:
    """What the fast alert does when `factor` times its rate has gone on for an hour, and then none for a rest."""
    burn = BURNS[0]
    ratio = factor * burn.factor * slo.budget
    bad = round(_REQUESTS * ratio)
    good = _REQUESTS - bad
    found = series(
        slo,
        bad=f"0+{bad}x60 {bad * 60}x{rest}",
        good=f"0+{good}x60 {good * 60 + _REQUESTS}+{_REQUESTS}x{rest}",
        every=f"0+{_REQUESTS}x{61 + rest}",
    )
    if factor < 1 or rest:
        return Expected(alert(slo, burn), found, f"{60 + rest}m")
    return Expected(alert(slo, burn), found, "60m", labels={"slo": slo.name}, summary=summary(slo, burn, ratio))


@pytest.mark.parametrize("slo", SLOS, ids=lambda slo: slo.name)
def test_a_burning_budget_is_told_until_it_burns_no_more(slo: Slo, tmp_path: Path) -> None:
    asked = [in_an_hour(slo, factor=1.5), in_an_hour(slo, factor=0.8), in_an_hour(slo, factor=1.5, rest=10)]

    assert fails(asked, tmp_path, lambda rule: rule["labels"].get("slo") in {slo.name, None}) == ""


@pytest.mark.parametrize("burn", BURNS, ids=lambda burn: burn.suffix)
def test_an_alert_needs_both_of_its_windows(burn: Burn, tmp_path: Path) -> None:
    asked: list[Expected] = []
    for slo in SLOS:
        over, below = (round(factor * burn.factor * slo.budget, 6) for factor in (1.5, 0.8))
        for long, short in ((over, over), (over, below), (below, over)):
            ratios = {burn.long: long, burn.short: short}
            recorded = {f'slo:error_ratio:{window}{{slo="{slo.name}"}}': f"{each}x3" for window, each in ratios.items()}
            fires = long == short
            labels = {"slo": slo.name} if fires else {}
            told = summary(slo, burn, over) if fires else ""
            asked.append(Expected(alert(slo, burn), recorded, "2m", labels=labels, summary=told))

    assert fails(asked, tmp_path, lambda rule: "alert" in rule) == ""


def test_each_objective_has_its_alerts() -> None:
    assert {f"{slo.camel}{burn.suffix}" for slo in SLOS for burn in BURNS} <= set(ALERTS)


def test_a_service_that_nobody_reaches_burns_its_budget(tmp_path: Path) -> None:
    unreached = 'envoy_cluster_upstream_rq{service="gateway",envoy_cluster_name="orders",envoy_response_code="503"}'
    slo, burn = SLOS[0], BURNS[0]
    told = summary(slo, burn, 1.0)
    gone = Expected(alert(slo, burn), {unreached: "0+9x60"}, "60m", labels={"slo": slo.name}, summary=told)

    assert fails([gone], tmp_path, lambda rule: rule["labels"].get("slo") in {slo.name, None}) == ""


def test_calls_that_are_turned_away_at_once_do_not_hide_those_that_wait(tmp_path: Path) -> None:
    slo, burn = next(slo for slo in SLOS if slo.name == "checkout-latency"), BURNS[0]
    labels = f'service="s",rpc_method="{_METHODS[slo.name]}"'
    bucket = f'rpc_server_call_duration_seconds_bucket{{{labels},le="1.0"'
    found = {
        f'{_COUNT}{{{labels},rpc_response_status_code="RESOURCE_EXHAUSTED"}}': "0+9000x60",
        f'{bucket},rpc_response_status_code="RESOURCE_EXHAUSTED"}}': "0+9000x60",
        f'{_COUNT}{{{labels},rpc_response_status_code="OK"}}': "0+100x60",
        f'{bucket},rpc_response_status_code="OK"}}': "0+50x60",
    }
    slow = Expected(alert(slo, burn), found, "60m", labels={"slo": slo.name}, summary=summary(slo, burn, 0.5))

    assert fails([slow], tmp_path, lambda rule: rule["labels"].get("slo") in {slo.name, None}) == ""
