"""Envoy: its configuration is what gateway/ writes, and its objects."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway import envoy
from gateway.bootstrap import render
from gateway.place import Address, Issuer, Mutual, Tls, cluster
from gateway.rules import Rules
from kit.signing import public_jwk
from tests.support.certificates import Authority
from tests.support.chart import EVERYTHING, MINIMAL, container, merged, named, objects
from tools.chart import gateway as written
from tools.chart.helm import CHART, PROJECT

pytestmark = pytest.mark.chart

PLAIN = replace(
    cluster(
        {name: [Address(f"shop-{name}-serve", 50051)] for name in MINIMAL["services"]}, jwks="/etc/kehu/jwks/jwks.json"
    ),
    status=Address("0.0.0.0", 9902),
    descriptors="/etc/kehu/gateway/descriptors.binpb",
)
FULL = {
    "tls": Tls(Address("0.0.0.0", 8443), "/etc/kehu/tls/tls.crt", "/etc/kehu/tls/tls.key"),
    "mutual": Mutual("/etc/kehu/mutual/tls.crt", "/etc/kehu/mutual/tls.key", "/etc/kehu/mutual/ca.crt"),
    "issuer": Issuer("https://id.example", "https://id.example/keys", ["kehu"]),
    "otlp_endpoint": "http://collector.observability:4318",
    "origins": ["https://shop\\.example"],
}
SWITCHES: dict[str, dict[str, Any]] = {
    "tls": {"gateway": {"tls": {"enabled": True, "secret": "tls"}}},
    "mutual": {"mutualTls": {"enabled": True}},
    "issuer": {key: EVERYTHING[key] for key in ("issuer", "networkPolicy")},
    "otlp_endpoint": {key: EVERYTHING[key] for key in ("settings", "networkPolicy")},
    "origins": {"gateway": {"origins": FULL["origins"]}},
}


def configuration(*values: dict[str, Any]) -> Any:
    found = named(objects("gateway/configmap.yaml", *values), "shop-gateway")
    return yaml.load(found["data"]["envoy.yaml"], yaml.CSafeLoader)


def test_the_configuration_is_the_one_that_the_gateway_s_own_code_writes() -> None:
    assert configuration() == render(PLAIN)


@pytest.mark.parametrize("switch", SWITCHES)
def test_each_switch_changes_what_it_changes_there(switch: str) -> None:
    assert configuration(SWITCHES[switch]) == render(replace(PLAIN, **{switch: FULL[switch]}))  # type: ignore[arg-type]


def test_all_switches_together_are_what_it_writes_too() -> None:
    everything = merged(*SWITCHES.values(), {"settings": {"traceRatio": 0.5}, "gateway": {"trustedHops": 2}})
    expected = replace(PLAIN, **FULL, trace_ratio=0.5, trusted_hops=2)  # type: ignore[arg-type]
    assert configuration(everything) == render(expected)


def test_the_gateway_s_own_share_of_traces_goes_before_that_of_all() -> None:
    values = {"settings": {"traceRatio": 0.5, "traceRatios": {"gateway": 0, "serve": 1}}}
    assert configuration(values) == render(replace(PLAIN, trace_ratio=0))


def test_limits_of_the_values_are_those_of_the_rules() -> None:
    limits = {
        "callsPerSecond": 30_000,
        "callsBurst": 60_001,
        "callerCallsPerSecond": 900,
        "callerCallsBurst": 950,
        "entriesPerSecond": 500,
        "entriesBurst": 700,
        "connections": 1_234,
        "upstreamConnections": 5,
        "upstreamPending": 6,
        "callsPerReplica": 7,
        "streamsPerReplica": 8,
        "heapBytes": 700_000_000,
    }
    raw = Rules.read().model_dump()
    raw["rate_limit"] = {"calls_per_second": 30_000, "burst": 60_001}
    raw["caller_limit"] = {"calls_per_second": 900, "burst": 950}
    raw["entry_limit"] = {"calls_per_second": 500, "burst": 700}
    raw["breaker"] = {"max_connections": 5, "max_pending": 6, "calls_per_replica": 7, "streams_per_replica": 8}
    raw["downstream"] |= {"max_connections": 1_234, "max_heap_bytes": 700_000_000}
    assert configuration({"gateway": {"limits": limits}}) == render(PLAIN, rules=Rules.model_validate(raw))


def test_the_chart_s_limits_are_those_that_the_gateway_has_everywhere() -> None:
    rules, limits = Rules.read(), yaml.safe_load((CHART / "values.yaml").read_text())["gateway"]["limits"]
    assert limits == {
        "callsPerSecond": rules.rate_limit.calls_per_second,
        "callsBurst": rules.rate_limit.burst,
        "callerCallsPerSecond": rules.caller_limit.calls_per_second,
        "callerCallsBurst": rules.caller_limit.burst,
        "entriesPerSecond": rules.entry_limit.calls_per_second,
        "entriesBurst": rules.entry_limit.burst,
        "connections": rules.downstream.max_connections,
        "upstreamConnections": rules.breaker.max_connections,
        "upstreamPending": rules.breaker.max_pending,
        "callsPerReplica": rules.breaker.calls_per_replica,
        "streamsPerReplica": rules.breaker.streams_per_replica,
        "heapBytes": rules.downstream.max_heap_bytes,
    }


def bounds(room: str, *values: dict[str, Any]) -> list[int]:
    """What a gateway pod lets be under way at a service: calls, and streams."""
    clusters = configuration(*values)["static_resources"]["clusters"]
    found = next(each for each in clusters if each["name"] == room)
    return [threshold["max_requests"] for threshold in found["circuit_breakers"]["thresholds"]]


def fixed(replicas: int) -> dict[str, Any]:
    return {"replicas": replicas, "autoscaling": {"enabled": False}}


def ranging(least: int, most: int) -> dict[str, Any]:
    return {"autoscaling": {"enabled": True, "min": least, "max": most}}


@pytest.mark.parametrize(
    ("serve", "gateway", "calls"),
    [
        (fixed(1), fixed(1), 100),
        (fixed(6), fixed(2), 300),
        (fixed(1), fixed(3), 34),
        (ranging(2, 10), ranging(2, 10), 100),
        (ranging(2, 30), ranging(2, 10), 300),
        (ranging(6, 10), ranging(2, 10), 300),
    ],
)
def test_a_gateway_pod_lets_its_share_of_what_the_replicas_can_do_with_pass(
    serve: dict[str, Any], gateway: dict[str, Any], calls: int
) -> None:
    limits = {"callsPerReplica": 100, "streamsPerReplica": 200}
    values = {"services": {"orders": {"serve": serve}}, "gateway": {**gateway, "limits": limits}}

    found = bounds("orders", values)

    assert found[0] == calls
    assert 2 * calls - 2 < found[1] <= 2 * calls


def test_a_peak_s_replicas_are_filled_too() -> None:
    peak = {
        "name": "sale",
        "start": "2027-11-10T20:00:00+08:00",
        "end": "2027-11-12T02:00:00+08:00",
        "expectedOrdersPerSecond": 100,
        "replicas": {"gateway": 2, "orders-serve": 8},
    }
    limits = {"gateway": {**ranging(2, 10), "limits": {"callsPerReplica": 100}}}
    usual = merged(limits, {"networkPolicy": EVERYTHING["networkPolicy"]})

    assert bounds("orders", usual, {"peaks": [peak]})[0] == 4 * bounds("orders", usual)[0]


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["least", "everything"])
def test_envoy_accepts_the_configuration(values: dict[str, Any], tmp_path: Path) -> None:
    data = {each["metadata"]["name"]: each for each in objects("gateway/configmap.yaml", values)}
    (tmp_path / "gateway").mkdir()
    api = base64.b64decode(data["shop-gateway-api"]["binaryData"]["descriptors.binpb"])
    (tmp_path / "gateway" / "descriptors.binpb").write_bytes(api)
    authority = Authority(tmp_path)
    for folder in ("tls", "mutual"):
        pair = authority.sign(folder, "shop-gateway")
        (tmp_path / folder).mkdir()
        pair.certificate.rename(tmp_path / folder / "tls.crt")
        pair.key.rename(tmp_path / folder / "tls.key")
        (tmp_path / folder / "ca.crt").write_bytes(authority.certificate.read_bytes())
    (tmp_path / "jwks").mkdir()
    key = public_jwk((tmp_path / "tls" / "tls.key").read_text())
    (tmp_path / "jwks" / "jwks.json").write_text(json.dumps({"keys": [key]}))
    file = tmp_path / "envoy.yaml"
    file.write_text(data["shop-gateway"]["data"]["envoy.yaml"].replace("/etc/kehu", str(tmp_path)))
    assert envoy.validate(file) == ""


def test_the_gateway_knows_the_methods_of_this_release() -> None:
    found = named(objects("gateway/configmap.yaml"), "shop-gateway-api")["binaryData"]["descriptors.binpb"]
    assert base64.b64decode(found) == (PROJECT / "gen" / "descriptors.binpb").read_bytes()


def test_two_options_that_change_the_same_are_refused() -> None:
    with pytest.raises(ValueError, match="changes what another option changes"):
        list(written._woven(["a", "b"], {"x": ["a", "c"], "y": ["a", "d"]}))


def test_a_mark_that_the_configuration_lost_is_told() -> None:
    with pytest.raises(ValueError, match="the configuration has no"):
        written._marked("nothing")


def test_a_changed_configuration_makes_new_pods() -> None:
    def checksum(*values: dict[str, Any]) -> Any:
        return objects("gateway/deployment.yaml", *values)[0]["spec"]["template"]["metadata"]["annotations"]

    assert checksum() == checksum()
    assert checksum() != checksum({"gateway": {"trustedHops": 1}})


def test_the_gateway_drains_before_it_stops() -> None:
    (found,) = objects("gateway/deployment.yaml")
    pod = found["spec"]["template"]["spec"]
    script = container(found["spec"]["template"])["lifecycle"]["preStop"]["exec"]["command"][2]
    assert "POST /healthcheck/fail" in script
    assert script.strip().endswith("sleep 20")
    assert pod["terminationGracePeriodSeconds"] > 20


def test_the_admin_interface_is_on_loopback_and_has_no_port() -> None:
    assert configuration()["admin"]["address"]["socket_address"]["address"] == "127.0.0.1"
    ports = {
        port["containerPort"] for port in container(objects("gateway/deployment.yaml")[0]["spec"]["template"])["ports"]
    }
    assert ports == {8080, 9902}


def test_with_tls_the_plain_port_is_closed() -> None:
    template = objects("gateway/deployment.yaml", SWITCHES["tls"])[0]["spec"]["template"]
    assert {port["name"] for port in container(template)["ports"]} == {"https", "status"}
    assert (
        named(objects("gateway/service.yaml", SWITCHES["tls"]), "shop-gateway")["spec"]["ports"][0]["targetPort"]
        == "https"
    )


def test_every_file_of_the_configuration_is_mounted() -> None:
    template = objects("gateway/deployment.yaml", EVERYTHING)[0]["spec"]["template"]
    mounts = {mount["mountPath"] for mount in container(template)["volumeMounts"]}
    assert {f"/etc/kehu/{name}" for name in ("gateway", "jwks", "tls", "mutual")} <= mounts


def test_envoy_has_its_image_its_threads_and_its_own_environment() -> None:
    values = {"gateway": {"concurrency": 3, "env": {"TZ": "UTC"}, "image": {"repository": "a/envoy", "tag": "v2"}}}
    found = container(objects("gateway/deployment.yaml", values)[0]["spec"]["template"])
    assert found["image"] == "a/envoy:v2"
    assert found["env"] == [{"name": "TZ", "value": "UTC"}]
    assert found["command"][found["command"].index("--concurrency") + 1] == "3"


def test_callers_reach_the_gateway_and_never_its_metrics() -> None:
    values = {
        "gateway": {"service": {"type": "LoadBalancer", "port": 8000, "loadBalancerSourceRanges": ["10.0.0.0/8"]}}
    }
    found = objects("gateway/service.yaml", values)
    public, status = named(found, "shop-gateway")["spec"], named(found, "shop-gateway-status")["spec"]
    assert public["type"] == "LoadBalancer"
    assert public["loadBalancerSourceRanges"] == ["10.0.0.0/8"]
    assert [(port["port"], port["targetPort"]) for port in public["ports"]] == [(8000, "http")]
    assert status["clusterIP"] == "None"
    assert [port["port"] for port in status["ports"]] == [9902]


def test_an_ingress_leads_to_the_gateway() -> None:
    values = {
        "gateway": {"ingress": {"enabled": True, "host": "api.example", "className": "nginx", "tlsSecret": "tls"}}
    }
    (found,) = objects("gateway/ingress.yaml", values)
    backend = found["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": "shop-gateway", "port": {"name": "http"}}
    assert found["spec"]["tls"] == [{"hosts": ["api.example"], "secretName": "tls"}]
    assert found["spec"]["ingressClassName"] == "nginx"
    assert objects("gateway/ingress.yaml") == []


def test_a_route_of_the_gateway_api_leads_to_the_gateway() -> None:
    values = {
        "gateway": {"httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}], "hostnames": ["api.example"]}}
    }
    (found,) = objects("gateway/httproute.yaml", values)
    assert found["spec"]["parentRefs"] == [{"name": "public"}]
    assert found["spec"]["hostnames"] == ["api.example"]
    assert found["spec"]["rules"][0]["backendRefs"] == [{"name": "shop-gateway", "port": 80}]
    assert objects("gateway/httproute.yaml") == []
