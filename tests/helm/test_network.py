"""Network policies: everything is closed, and what is open is open on purpose."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.chart import EVERYTHING, MINIMAL, Manifest, documents, named, objects, pods, text

pytestmark = pytest.mark.chart


def opened(policy: Manifest, way: str) -> dict[int, list[dict[str, Any]]]:
    """The peers of a policy by port."""
    side = "from" if way == "ingress" else "to"
    found: dict[int, list[dict[str, Any]]] = {}
    for rule in policy["spec"].get(way, []):
        for port in rule["ports"]:
            found.setdefault(port["port"], []).extend(rule.get(side, [{}]))
    return found


def component(peer: dict[str, Any]) -> str:
    return str(peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"])


def test_everything_is_closed_both_ways() -> None:
    found = named(objects("networkpolicy.yaml"), "shop-default-deny")["spec"]
    assert found["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in found
    assert "egress" not in found


def test_the_closed_door_is_for_every_pod_of_the_release() -> None:
    closed = named(objects("networkpolicy.yaml", EVERYTHING), "shop-default-deny")["spec"]["podSelector"]["matchLabels"]
    for name, pod in pods(documents(text(EVERYTHING))).items():
        assert closed.items() <= pod["metadata"]["labels"].items(), name


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["least", "everything"])
def test_every_pod_has_a_policy_of_its_own(values: dict[str, Any]) -> None:
    found = documents(text(values))
    chosen = [
        each["spec"]["podSelector"]["matchLabels"]
        for each in found
        if each["kind"] == "NetworkPolicy" and "component" in str(each["spec"]["podSelector"])
    ]
    for name, pod in pods(found).items():
        assert any(labels.items() <= pod["metadata"]["labels"].items() for labels in chosen), name


def test_the_gateway_and_peers_reach_a_server_and_nobody_else() -> None:
    found = objects("networkpolicy.yaml")
    members = opened(named(found, "shop-members-serve"), "ingress")[50051]
    pipeline = opened(named(found, "shop-pipeline-serve"), "ingress")[50051]
    assert {component(peer) for peer in members} == {"gateway", "test", "orders-serve"}
    assert {component(peer) for peer in pipeline} == {"gateway", "test"}


def test_a_server_reaches_its_database_its_peers_and_names() -> None:
    found = opened(named(objects("networkpolicy.yaml"), "shop-orders-serve"), "egress")
    assert set(found) == {53, 5432, 50051}
    assert found[5432] == [{"ipBlock": {"cidr": "10.0.1.0/24"}}]
    assert {component(peer) for peer in found[50051]} == {"members-serve", "campaigns-serve"}


def test_a_server_without_peers_calls_none() -> None:
    assert 50051 not in opened(named(objects("networkpolicy.yaml"), "shop-members-serve"), "egress")


@pytest.mark.parametrize("role", ["consume", "relay", "migrate"])
def test_what_speaks_to_the_broker_reaches_it(role: str) -> None:
    found = opened(named(objects("networkpolicy.yaml"), f"shop-orders-{role}"), "egress")
    assert found[5672] == [{"ipBlock": {"cidr": "10.0.2.0/24"}}]


def test_nobody_calls_a_migration() -> None:
    assert "ingress" not in named(objects("networkpolicy.yaml"), "shop-orders-migrate")["spec"]


def test_prometheus_reads_metrics_and_callers_do_not() -> None:
    found = opened(named(objects("networkpolicy.yaml"), "shop-orders-relay"), "ingress")
    monitoring = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    assert found == {9090: [monitoring]}
    assert opened(objects("gateway/networkpolicy.yaml")[0], "ingress")[9902] == [monitoring]


def test_databases_and_broker_of_operators_are_found_by_their_labels() -> None:
    found = opened(named(objects("networkpolicy.yaml", EVERYTHING), "shop-orders-consume"), "egress")
    assert found[5432] == [{"podSelector": {"matchLabels": {"cnpg.io/cluster": "shop-orders-db"}}}]
    assert found[5672] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "shop-broker"}}}]


def test_the_world_outside_is_reached_by_those_who_need_it() -> None:
    found = objects("networkpolicy.yaml", EVERYTHING)
    assert 4318 in opened(named(found, "shop-orders-relay"), "egress")
    assert 4318 not in opened(named(found, "shop-orders-migrate"), "egress")
    # The issuer's keys and the payment providers; one rule each.
    assert len(opened(named(found, "shop-orders-serve"), "egress")[443]) == 2
    assert len(opened(named(found, "shop-members-serve"), "egress")[443]) == 1
    assert 443 not in opened(named(found, "shop-members-consume"), "egress")


def test_anybody_may_call_the_gateway_or_only_those_who_are_named() -> None:
    (anybody,) = objects("gateway/networkpolicy.yaml")
    callers = {"networkPolicy": {"callers": {"from": [{"ipBlock": {"cidr": "10.7.0.0/16"}}]}}}
    (named_ones,) = objects("gateway/networkpolicy.yaml", callers)
    assert "from" not in anybody["spec"]["ingress"][0]
    assert named_ones["spec"]["ingress"][0]["from"][0] == {"ipBlock": {"cidr": "10.7.0.0/16"}}
    assert component(named_ones["spec"]["ingress"][0]["from"][1]) == "test"


def test_the_gateway_reaches_the_servers_and_not_the_databases() -> None:
    found = opened(objects("gateway/networkpolicy.yaml")[0], "egress")
    assert set(found) == {53, 50051}
    assert {component(peer) for peer in found[50051]} == {f"{service}-serve" for service in MINIMAL["services"]}


def test_the_test_of_a_release_reaches_what_it_asks() -> None:
    (found,) = objects("tests/networkpolicy.yaml")
    assert set(opened(found, "egress")) == {53, 50051, "http"}


def test_no_rule_is_open_by_an_empty_list() -> None:
    for each in documents(text(EVERYTHING)):
        if each["kind"] == "NetworkPolicy":
            rules = [*each["spec"].get("ingress", []), *each["spec"].get("egress", [])]
            assert all(rule.get(side, True) for rule in rules for side in ("to", "from")), each["metadata"]["name"]


def test_policies_can_be_left_to_somebody_else() -> None:
    off = {"networkPolicy": {"enabled": False}}
    assert objects("networkpolicy.yaml", off) == []
    assert objects("gateway/networkpolicy.yaml", off) == []
    assert objects("tests/networkpolicy.yaml", off) == []
