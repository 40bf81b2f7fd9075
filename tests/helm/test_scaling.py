"""Autoscalers and disruption budgets."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from tests.support.chart import MINIMAL, PEAK, merged, named, objects

pytestmark = pytest.mark.chart

QUEUES_BY_KEDA = {"defaults": {"consume": {"autoscaling": {"enabled": True}}}}
QUEUES_BY_ADAPTER = {"defaults": {"consume": {"autoscaling": {"enabled": True, "by": "external"}}}}
FIXED: dict[str, Any] = {
    "defaults": {"serve": {"autoscaling": {"enabled": False}, "replicas": 1}},
    "gateway": {"autoscaling": {"enabled": False}, "replicas": 1},
}


def queues(service: str) -> set[str]:
    """What the service really listens to."""
    return {entry.queue for entry in import_module(f"services.{service}.consumer").subscriptions.events}


def test_servers_follow_their_processors() -> None:
    found = named(objects("hpa.yaml"), "shop-members-serve")["spec"]
    assert (found["minReplicas"], found["maxReplicas"]) == (2, 10)
    assert found["metrics"][0]["resource"]["target"] == {"type": "Utilization", "averageUtilization": 65}
    assert found["scaleTargetRef"]["name"] == "shop-members-serve"


def test_more_come_at_once_and_leave_slowly() -> None:
    found = named(objects("hpa.yaml"), "shop-members-serve")["spec"]["behavior"]
    assert found["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert found["scaleDown"]["stabilizationWindowSeconds"] == 300


def test_there_is_no_autoscaler_for_fixed_replicas() -> None:
    assert objects("hpa.yaml", FIXED) == []
    assert objects("gateway/hpa.yaml", FIXED) == []


@pytest.mark.parametrize("service", MINIMAL["services"])
def test_workers_follow_every_queue_of_their_service_by_an_adapter(service: str) -> None:
    found = named(objects("hpa.yaml", QUEUES_BY_ADAPTER), f"shop-{service}-consume")["spec"]["metrics"]
    assert {each["external"]["metric"]["selector"]["matchLabels"]["queue"] for each in found} == queues(service)
    assert {each["external"]["target"]["averageValue"] for each in found} == {"2000"}


@pytest.mark.parametrize("service", MINIMAL["services"])
def test_workers_follow_every_queue_of_their_service_by_keda(service: str) -> None:
    found = named(objects("scaledobject.yaml", QUEUES_BY_KEDA), f"shop-{service}-consume")["spec"]
    assert {trigger["metadata"]["queueName"] for trigger in found["triggers"]} == queues(service)
    assert {trigger["metadata"]["hostFromEnv"] for trigger in found["triggers"]} == {"KEHU_BROKER_URL"}
    assert (found["minReplicaCount"], found["maxReplicaCount"]) == (1, 5)


def test_nothing_is_scaled_twice() -> None:
    scaled = {each["spec"]["scaleTargetRef"]["name"] for each in objects("scaledobject.yaml", QUEUES_BY_KEDA)}
    followed = {each["spec"]["scaleTargetRef"]["name"] for each in objects("hpa.yaml", QUEUES_BY_KEDA)}
    assert scaled == {f"shop-{service}-consume" for service in MINIMAL["services"]}
    assert not scaled & followed
    assert objects("scaledobject.yaml") == []


def test_keda_can_scale_servers_and_the_gateway_too() -> None:
    values = {"defaults": {"serve": {"autoscaling": {"by": "keda"}}}, "gateway": {"autoscaling": {"by": "keda"}}}
    found = objects("scaledobject.yaml", values)
    assert named(found, "shop-gateway")["spec"]["triggers"] == [
        {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "60"}}
    ]
    assert named(found, "shop-orders-serve")
    assert objects("hpa.yaml", values) == []
    assert objects("gateway/hpa.yaml", values) == []


def test_keda_brings_the_replicas_of_a_peak_before_it_starts() -> None:
    values = {
        **QUEUES_BY_KEDA,
        "peaks": [merged(PEAK, {"replicas": {"orders-consume": 3}})],
        "networkPolicy": {"kubernetes": {"to": [{"ipBlock": {"cidr": "10.9.0.0/24"}}]}},
    }
    triggers = named(objects("scaledobject.yaml", values), "shop-orders-consume")["spec"]["triggers"]
    cron = [trigger["metadata"] for trigger in triggers if trigger["type"] == "cron"]
    # 20:00 in Shanghai is noon in UTC, and half an hour is for warming up.
    assert cron == [{"timezone": "Etc/UTC", "start": "30 11 10 11 *", "end": "0 18 11 11 *", "desiredReplicas": "3"}]


def test_the_gateway_follows_its_processors() -> None:
    (found,) = objects("gateway/hpa.yaml", {"gateway": {"autoscaling": {"max": 30}}})
    assert found["spec"]["maxReplicas"] == 30
    assert found["spec"]["scaleTargetRef"]["name"] == "shop-gateway"


def test_a_drained_node_takes_one_replica_at_a_time() -> None:
    found = named(objects("pdb.yaml"), "shop-members-serve")["spec"]
    assert found["maxUnavailable"] == 1
    assert found["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert objects("gateway/pdb.yaml")[0]["spec"]["maxUnavailable"] == 1


def test_a_single_replica_does_not_keep_its_node_from_being_drained() -> None:
    assert objects("pdb.yaml", FIXED) == []
    assert objects("gateway/pdb.yaml", FIXED) == []
    workers = {"defaults": {"consume": {"replicas": 2}}}
    assert named(objects("pdb.yaml", workers), "shop-orders-consume")
    assert "shop-orders-consume" not in {each["metadata"]["name"] for each in objects("pdb.yaml")}
