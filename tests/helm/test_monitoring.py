"""What Prometheus and Grafana are told, and what `helm test` asks."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.support.chart import EVERYTHING, MINIMAL, PEAK, container, merged, named, objects
from tools.chart.helm import PROJECT

pytestmark = pytest.mark.chart

ON: dict[str, Any] = {"monitoring": EVERYTHING["monitoring"]}
OBSERVABILITY = PROJECT / "deploy" / "observability"
PEAKS = {**ON, "peaks": [PEAK], "networkPolicy": {"kubernetes": {"to": [{"ipBlock": {"cidr": "10.9.0.0/24"}}]}}}


def test_metrics_of_every_process_are_read() -> None:
    found = objects(
        "servicemonitor.yaml", ON, {"monitoring": {"serviceMonitor": {"interval": "5s", "labels": {"release": "p"}}}}
    )
    services = named(found, "shop-services")
    (endpoint,) = services["spec"]["endpoints"]
    assert (endpoint["port"], endpoint["interval"]) == ("metrics", "5s")
    assert services["metadata"]["labels"]["release"] == "p"
    chosen = services["spec"]["selector"]["matchLabels"].items()
    read = [each for each in objects("service.yaml") if chosen <= each["metadata"]["labels"].items()]
    assert len(read) == 3 * len(MINIMAL["services"])
    assert all("metrics" in {port["name"] for port in each["spec"]["ports"]} for each in read)


def test_a_process_is_told_by_its_job_as_the_dashboards_name_it() -> None:
    endpoint = named(objects("servicemonitor.yaml", ON), "shop-services")["spec"]["endpoints"][0]
    (relabelling,) = endpoint["relabelings"]
    source = relabelling["sourceLabels"][0].removeprefix("__meta_kubernetes_service_label_")
    component = named(objects("service.yaml"), "shop-orders-relay")["metadata"]["labels"]["app.kubernetes.io/component"]
    assert (source, relabelling["targetLabel"]) == ("app_kubernetes_io_component", "job")
    assert component == "orders-relay"


def test_metrics_of_the_gateway_are_read_from_its_own_service() -> None:
    found = named(objects("servicemonitor.yaml", ON), "shop-gateway")["spec"]
    (endpoint,) = found["endpoints"]
    chosen = found["selector"]["matchLabels"].items()
    read = [each for each in objects("gateway/service.yaml") if chosen <= each["metadata"]["labels"].items()]
    assert endpoint["path"] == "/stats/prometheus"
    assert endpoint["relabelings"] == [{"replacement": "gateway", "targetLabel": "job"}]
    assert [each["metadata"]["name"] for each in read] == ["shop-gateway-status"]


def test_rules_are_those_of_the_project() -> None:
    found = objects("prometheusrule.yaml", ON)
    originals = [*OBSERVABILITY.glob("*.rules.yaml"), *OBSERVABILITY.glob("rules/*.yaml")]
    expected = [group for path in originals for group in yaml.load(path.read_text(), yaml.CSafeLoader)["groups"]]
    groups = {group["name"]: group for each in found for group in each["spec"]["groups"]}
    assert groups == {group["name"]: group for group in expected}


def test_nobody_is_called_for_a_service_that_is_off() -> None:
    off = {"services": {"pipeline": {"enabled": False}, "orders": {"enabled": False}}}
    told = {rule["alert"]: rule["expr"] for rule in _rules(ON, off) if "alert" in rule}
    every = {rule["alert"]: rule["expr"] for rule in _rules(ON) if "alert" in rule}
    assert 'absent(up{service="pipeline"' in every["ProcessesGone"]
    assert "pipeline" not in told["ProcessesGone"].partition("absent")[2]
    assert 'absent(up{service="members",role="relay"})' in told["ProcessesGone"]
    assert {"OrdersSweepMissing", "OrdersNotVerified"} <= every.keys() - told.keys()
    assert "LedgerSweepMissing" in told


def _rules(*values: dict[str, Any]) -> list[dict[str, Any]]:
    found = objects("prometheusrule.yaml", *values)
    return [rule for each in found for group in each["spec"]["groups"] for rule in group["rules"]]


def test_dashboards_are_those_of_the_project() -> None:
    found = objects("dashboards.yaml", ON)
    boards = {name: json.loads(text) for each in found for name, text in each["data"].items()}
    assert boards == {path.name: json.loads(path.read_text()) for path in OBSERVABILITY.glob("dashboards/*.json")}
    assert all(each["metadata"]["labels"]["grafana_dashboard"] == "1" for each in found)


def test_a_peak_is_a_rule_and_a_mark_on_every_dashboard() -> None:
    rule = named(objects("prometheusrule.yaml", PEAKS), "shop-peaks")["spec"]["groups"][0]["rules"][0]
    assert rule["record"] == "kehu:peak:expected_orders_per_second"
    assert rule["labels"] == {"peak": "double-11"}
    assert rule["expr"] == "vector(100) and vector(time()) >= 1825848000 and vector(time()) < 1825956000"
    for each in objects("dashboards.yaml", PEAKS):
        (text,) = each["data"].values()
        marks = json.loads(text)["annotations"]["list"]
        assert marks[-1]["expr"] == rule["record"]
        assert len(marks) > 1


def test_monitoring_is_off_until_it_is_asked_for() -> None:
    for template in ("servicemonitor.yaml", "prometheusrule.yaml", "dashboards.yaml"):
        assert objects(template) == []


def test_annotations_of_dashboards_are_those_that_are_given() -> None:
    values = {"monitoring": {"dashboards": {"enabled": True, "annotations": {"grafana_folder": "Kehu"}}}}
    assert objects("dashboards.yaml", values)[0]["metadata"]["annotations"] == {"grafana_folder": "Kehu"}


def test_the_test_of_a_release_asks_every_service_and_the_gateway() -> None:
    (found,) = objects("tests/health.yaml")
    assert found["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert container({"spec": found["spec"]})["args"] == [
        *(f"shop-{name}-serve:50051" for name in sorted(MINIMAL["services"])),
        "http://shop-gateway:80/healthz",
    ]
    compile(container({"spec": found["spec"]})["command"][2], "ask", "exec")


def test_with_mutual_tls_it_asks_the_gateway_alone() -> None:
    (found,) = objects("tests/health.yaml", EVERYTHING)
    assert container({"spec": found["spec"]})["args"] == ["https://shop-gateway:80/healthz"]
    assert objects("tests/health.yaml", merged(EVERYTHING, {"tests": {"enabled": False}})) == []
