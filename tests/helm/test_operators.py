"""What operators are asked for: secrets, databases, a broker, certificates; and whatever else is added."""

from __future__ import annotations

import pytest

from tests.support.chart import EVERYTHING, MINIMAL, environment, named, objects

pytestmark = pytest.mark.chart


def test_secrets_are_fetched_under_the_names_that_the_pods_know() -> None:
    only = {
        "externalSecrets": {"enabled": True, "storeName": "vault", "prefix": "shop/"},
        "migrations": {"useHelmHooks": False},
    }
    found = named(objects("externalsecret.yaml", only), "shop-members")["spec"]
    assert found["target"] == {"name": "kehu-members"}
    assert found["secretStoreRef"] == {"kind": "ClusterSecretStore", "name": "vault"}
    keys = {each["secretKey"]: each["remoteRef"] for each in found["data"]}
    assert set(keys) == {"database-url", "broker-url", "page-token-key", "service.pem", "keyring.json"}
    assert keys["database-url"] == {"key": "shop/members", "property": "database-url"}
    assert objects("externalsecret.yaml") == []


def test_what_operators_make_is_not_fetched() -> None:
    found = named(objects("externalsecret.yaml", EVERYTHING), "shop-pipeline")["spec"]["data"]
    assert {each["secretKey"] for each in found} == {"page-token-key", "service.pem"}


def test_every_service_has_a_database_of_its_own() -> None:
    found = objects(
        "postgresql.yaml",
        EVERYTHING,
        {"postgresql": {"imageName": "a/postgresql:18", "storage": {"storageClass": "fast"}}},
    )
    assert {each["metadata"]["name"] for each in found} == {f"shop-{name}-db" for name in MINIMAL["services"]}
    spec = named(found, "shop-orders-db")["spec"]
    assert spec["bootstrap"]["initdb"] == {"database": "kehu_orders", "owner": "kehu_orders"}
    assert spec["instances"] == 3
    assert spec["imageName"] == "a/postgresql:18"
    assert spec["storage"] == {"size": "50Gi", "storageClass": "fast"}
    assert all(isinstance(value, str) for value in spec["postgresql"]["parameters"].values())
    assert objects("postgresql.yaml") == []


def test_the_broker_is_a_cluster_that_never_splits() -> None:
    (found,) = objects("rabbitmq.yaml", EVERYTHING)
    assert found["spec"]["replicas"] == 3
    assert "pause_minority" in found["spec"]["rabbitmq"]["additionalConfig"]
    assert objects("rabbitmq.yaml") == []


def test_addresses_come_from_the_secrets_of_the_operators() -> None:
    found = environment(named(objects("deployment.yaml", EVERYTHING), "shop-orders-consume")["spec"]["template"])
    assert found["KEHU_DATABASE_URL"]["secretKeyRef"] == {"name": "shop-orders-db-app", "key": "uri"}
    assert found["KEHU_BROKER_URL"]["secretKeyRef"] == {"name": "shop-broker-default-user", "key": "connection_string"}


def test_certificates_are_for_the_names_that_are_called() -> None:
    found = objects("certificate.yaml", EVERYTHING)
    assert named(found, "shop-orders-tls")["spec"]["dnsNames"] == ["shop-orders-serve"]
    assert named(found, "shop-gateway-tls")["spec"]["issuerRef"] == {"name": "kehu", "kind": "Issuer"}
    assert len(found) == len(MINIMAL["services"]) + 1


def test_certificates_that_are_there_are_not_made() -> None:
    assert objects("certificate.yaml", {"mutualTls": {"enabled": True}}) == []
    assert objects("certificate.yaml", {"mutualTls": {"issuerName": "kehu"}}) == []


def test_more_objects_are_added_as_they_are_or_as_templates() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-more'}"
    found = objects(
        "extra-objects.yaml", {"extraObjects": [text, {"kind": "ConfigMap", "metadata": {"name": "plain"}}]}
    )
    assert [each["metadata"]["name"] for each in found] == ["shop-more", "plain"]
    assert objects("extra-objects.yaml") == []
