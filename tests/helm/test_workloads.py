"""Deployments, services and accounts of the four services."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kit.settings import Settings
from services.campaigns.config import Config as Campaigns
from services.members.config import Config as Members
from services.orders.config import Config as Orders
from services.pipeline.config import Config as Pipeline
from tests.support.chart import EVERYTHING, Manifest, container, environment, named, objects

pytestmark = pytest.mark.chart

CONFIGS: dict[str, type[Settings]] = {
    "members": Members,
    "orders": Orders,
    "campaigns": Campaigns,
    "pipeline": Pipeline,
}
ROLES = ("serve", "consume", "relay")


def deployments(*values: Mapping[str, Any]) -> list[Manifest]:
    return objects("deployment.yaml", *values)


def test_every_service_has_a_deployment_for_each_role_that_runs() -> None:
    names = {each["metadata"]["name"] for each in deployments()}
    assert names == {f"shop-{service}-{role}" for service in CONFIGS for role in ROLES}


def test_a_process_is_started_by_its_service_and_role() -> None:
    found = named(deployments(), "shop-orders-serve")
    assert container(found["spec"]["template"])["command"] == ["python", "-m", "services.orders", "serve"]


def test_a_service_that_is_off_has_nothing() -> None:
    found = deployments({"services": {"pipeline": {"enabled": False}}})
    assert not [each for each in found if "pipeline" in each["metadata"]["name"]]


def test_an_image_is_named_by_tag_or_by_digest() -> None:
    digest = f"sha256:{'0' * 64}"
    plain = container(deployments()[0]["spec"]["template"])
    exact = container(deployments({"image": {"digest": digest}})[0]["spec"]["template"])
    assert plain["image"] == "registry.example/kehu:1.2.3"
    assert exact["image"] == f"registry.example/kehu@{digest}"


@pytest.mark.parametrize("service", CONFIGS)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["least", "everything"])
def test_every_setting_that_is_given_is_one_that_the_service_knows(
    service: str, role: str, values: Mapping[str, Any]
) -> None:
    template = named(deployments(values), f"shop-{service}-{role}")["spec"]["template"]
    fields = CONFIGS[service].model_fields
    unknown = {name for name in environment(template) if name.removeprefix("KEHU_").lower() not in fields}
    assert unknown == set()


@pytest.mark.parametrize("service", CONFIGS)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["least", "everything"])
def test_the_service_accepts_the_settings_that_it_is_given(
    service: str, role: str, values: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    template = named(deployments(values), f"shop-{service}-{role}")["spec"]["template"]
    for name, value in environment(template).items():
        monkeypatch.setenv(name, value if isinstance(value, str) else "from-a-secret")
    kind = Settings if role == "relay" else CONFIGS[service]
    kind()


def test_orders_knows_where_its_peers_are_and_nobody_else_does() -> None:
    for service, config in CONFIGS.items():
        template = named(deployments(), f"shop-{service}-serve")["spec"]["template"]
        given = {name: value for name, value in environment(template).items() if name.startswith("KEHU_PEERS_")}
        asked = {field.removeprefix("peers_") for field in config.model_fields if field.startswith("peers_")}
        assert given == {f"KEHU_PEERS_{peer.upper()}": f"shop-{peer}-serve:50051" for peer in asked}


def test_who_needs_a_keyring_has_one_and_a_relay_has_none() -> None:
    for service, config in CONFIGS.items():
        for role in ROLES:
            template = named(deployments(), f"shop-{service}-{role}")["spec"]["template"]
            needs = "keyring_file" in config.model_fields and role != "relay"
            assert ("KEHU_KEYRING_FILE" in environment(template)) is needs, f"{service}-{role}"


def test_every_file_that_a_setting_names_is_mounted() -> None:
    for each in deployments(EVERYTHING):
        template = each["spec"]["template"]
        mounts = [mount["mountPath"] for mount in container(template)["volumeMounts"]]
        files = [value for value in environment(template).values() if isinstance(value, str) and value.startswith("/")]
        assert all(str(Path(file).parent) in mounts for file in files), each["metadata"]["name"]


def test_secrets_are_taken_from_the_service_s_own_secret() -> None:
    found = environment(named(deployments(), "shop-orders-consume")["spec"]["template"])
    assert found["KEHU_DATABASE_URL"] == {"secretKeyRef": {"name": "kehu-orders", "key": "database-url"}}
    assert found["KEHU_BROKER_URL"] == {"secretKeyRef": {"name": "kehu-orders", "key": "broker-url"}}


def test_a_server_does_not_know_the_broker() -> None:
    found = environment(named(deployments(), "shop-orders-serve")["spec"]["template"])
    assert "KEHU_BROKER_URL" not in found
    assert found["KEHU_PAGE_TOKEN_KEY"] == {"secretKeyRef": {"name": "kehu-orders", "key": "page-token-key"}}


def test_the_nearest_setting_counts() -> None:
    values = {
        "env": {"KEHU_STATEMENT_TIMEOUT_MS": "1", "KEHU_LOG_LEVEL": "error"},
        "services": {
            "orders": {"env": {"KEHU_STATEMENT_TIMEOUT_MS": "2"}, "serve": {"env": {"KEHU_STATEMENT_TIMEOUT_MS": "3"}}}
        },
    }
    found = {
        name: environment(named(deployments(values), f"shop-{name}")["spec"]["template"])
        for name in ("members-serve", "orders-relay", "orders-serve")
    }
    assert [each["KEHU_STATEMENT_TIMEOUT_MS"] for each in found.values()] == ["1", "2", "3"]
    assert found["members-serve"]["KEHU_LOG_LEVEL"] == "error"


def test_sampling_is_set_per_role() -> None:
    values = {"settings": {"traceRatio": 0.5, "traceRatios": {"serve": 0, "consume": 0.25}}}
    found = {
        role: environment(named(deployments(values), f"shop-members-{role}")["spec"]["template"])["KEHU_TRACE_RATIO"]
        for role in ("serve", "consume", "relay")
    }
    assert found == {"serve": "0", "consume": "0.25", "relay": "0.5"}


def test_a_server_is_asked_by_grpc_and_restarted_only_if_it_does_not_answer_at_all() -> None:
    found = container(named(deployments(), "shop-members-serve")["spec"]["template"])
    assert found["readinessProbe"]["grpc"] == {"port": 50051}
    assert found["startupProbe"]["grpc"] == {"port": 50051}
    assert found["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics"}


def test_with_mutual_tls_the_kubelet_asks_a_port_that_needs_no_certificate() -> None:
    found = container(named(deployments(EVERYTHING), "shop-members-serve")["spec"]["template"])
    assert found["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "metrics"}
    assert environment({"spec": {"containers": [found]}})["KEHU_TLS_CA_FILE"] == "/etc/kehu/mutual/ca.crt"


def test_a_worker_that_lost_its_broker_is_not_killed_for_it() -> None:
    for role in ("consume", "relay"):
        found = container(named(deployments(), f"shop-members-{role}")["spec"]["template"])
        assert found["readinessProbe"]["httpGet"]["path"] == "/healthz"
        assert found["livenessProbe"]["httpGet"]["path"] == "/metrics"


def test_a_server_that_stops_waits_until_its_callers_know() -> None:
    found = named(deployments(), "shop-members-serve")["spec"]["template"]
    assert container(found)["lifecycle"]["preStop"] == {"sleep": {"seconds": 5}}
    assert environment(found)["KEHU_DRAIN_SECONDS"] == "5"
    assert found["spec"]["terminationGracePeriodSeconds"] == 45


def test_no_replica_goes_before_another_is_there() -> None:
    found = named(deployments(), "shop-members-serve")
    assert found["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_there_is_one_relay_and_the_old_one_goes_first() -> None:
    found = named(deployments(), "shop-members-relay")["spec"]
    assert found["replicas"] == 1
    assert found["strategy"] == {"type": "Recreate"}


def test_replicas_are_left_to_the_autoscaler_where_there_is_one() -> None:
    assert "replicas" not in named(deployments(), "shop-members-serve")["spec"]
    fixed = deployments({"defaults": {"serve": {"autoscaling": {"enabled": False}, "replicas": 4}}})
    assert named(fixed, "shop-members-serve")["spec"]["replicas"] == 4


def test_replicas_are_spread_over_zones_and_nodes() -> None:
    found = named(deployments({"spread": {"zones": "DoNotSchedule"}}), "shop-members-serve")["spec"]["template"]["spec"]
    spread = {each["topologyKey"]: each["whenUnsatisfiable"] for each in found["topologySpreadConstraints"]}
    assert spread == {"topology.kubernetes.io/zone": "DoNotSchedule", "kubernetes.io/hostname": "ScheduleAnyway"}


def test_placement_of_a_role_reaches_its_pod() -> None:
    placed = {
        "nodeSelector": {"pool": "fast"},
        "tolerations": [{"key": "fast", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "shop",
    }
    values = {
        "services": {"orders": {"serve": {**placed, "podLabels": {"team": "a"}, "podAnnotations": {"note": "b"}}}}
    }
    found = named(deployments(values), "shop-orders-serve")["spec"]["template"]
    assert {key: found["spec"][key] for key in placed} == placed
    assert found["metadata"]["labels"]["team"] == "a"
    assert found["metadata"]["annotations"] == {"note": "b"}


def test_a_service_s_own_values_change_only_what_they_name() -> None:
    found = deployments({"services": {"orders": {"serve": {"resources": {"limits": {"memory": "2Gi"}}}}}})
    limits = container(named(found, "shop-orders-serve")["spec"]["template"])["resources"]["limits"]
    assert limits == {"cpu": "2", "memory": "2Gi"}
    assert container(named(found, "shop-members-serve")["spec"]["template"])["resources"]["limits"]["memory"] == "768Mi"


def test_names_begin_with_the_release_or_with_what_is_said() -> None:
    found = deployments({"fullnameOverride": "kaufhaus"})
    assert named(found, "kaufhaus-orders-serve")


def test_labels_are_added_and_selectors_stay() -> None:
    plain, labelled = deployments()[0], deployments({"labels": {"cost": "shop"}})[0]
    assert labelled["metadata"]["labels"]["cost"] == "shop"
    assert plain["spec"]["selector"] == labelled["spec"]["selector"]
    assert set(plain["spec"]["selector"]["matchLabels"]) == {
        f"app.kubernetes.io/{key}" for key in ("name", "instance", "component")
    }


def test_a_new_chart_with_the_same_image_makes_no_new_pods() -> None:
    labels = deployments()[0]["spec"]["template"]["metadata"]["labels"]
    assert not [key for key in labels if "version" in key or "chart" in key]


def test_clients_see_every_server_and_balance_by_themselves() -> None:
    found = named(objects("service.yaml"), "shop-orders-serve")["spec"]
    assert found["clusterIP"] == "None"
    assert {port["port"] for port in found["ports"]} == {50051, 9090}
    assert named(objects("service.yaml"), "shop-orders-relay")["spec"]["ports"][0]["port"] == 9090


def test_services_select_the_pods_of_their_role() -> None:
    templates = {each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"] for each in deployments()}
    for each in objects("service.yaml"):
        labels = templates[each["metadata"]["name"]]
        assert each["spec"]["selector"].items() <= labels.items()


def test_every_service_and_the_gateway_have_an_account_without_a_token() -> None:
    found = objects("serviceaccount.yaml")
    assert {each["metadata"]["name"] for each in found} == {f"shop-{name}" for name in (*CONFIGS, "gateway")}
    assert not any(each["automountServiceAccountToken"] for each in found)


def test_settings_of_durations_and_lists_stay_texts() -> None:
    for each in deployments({"env": {"KEHU_REFUND_LIMITS": '{"CNY": 100}'}}):
        assert environment(each["spec"]["template"])["KEHU_REFUND_LIMITS"] == '{"CNY": 100}'
