"""The runner of `make chart-run` itself: what it takes out of manifests, and what it refuses."""

import base64

import pytest

from tests.cluster import cluster
from tests.cluster.manifests import Manifests, Store, check, environment


def test_hooks_are_no_part_of_the_release_and_come_by_weight() -> None:
    text = """
kind: Job
metadata: {name: late, annotations: {helm.sh/hook: "pre-install,pre-upgrade", helm.sh/hook-weight: "5"}}
---
kind: Job
metadata: {name: early, annotations: {helm.sh/hook: pre-upgrade, helm.sh/hook-weight: "-1"}}
---
kind: Job
metadata: {name: own}
---
"""
    manifests = Manifests.read(text)
    assert [item["metadata"]["name"] for item in manifests.of("Job")] == ["own"]
    assert [item["metadata"]["name"] for item in manifests.hooks("pre-upgrade")] == ["early", "late"]
    assert [item["metadata"]["name"] for item in manifests.hooks("pre-install")] == ["late"]
    assert manifests.hooks("pre-rollback") == []


def test_a_pod_that_says_more_than_is_carried_out_is_refused() -> None:
    container = {"name": "serve", "image": "kehu:1"}
    check({"containers": [container], "topologySpreadConstraints": []})
    with pytest.raises(NotImplementedError, match="hostNetwork"):
        check({"containers": [container], "hostNetwork": True})
    with pytest.raises(NotImplementedError, match="envFrom"):
        check({"containers": [{**container, "envFrom": []}]})
    with pytest.raises(NotImplementedError, match="runAsGroup"):
        check({"containers": [container], "securityContext": {"runAsGroup": 1}})
    with pytest.raises(NotImplementedError, match="privileged"):
        check({"containers": [{**container, "securityContext": {"privileged": True}}]})
    with pytest.raises(NotImplementedError, match="several containers"):
        check({"containers": [container, container]})


def test_secrets_become_variables_and_files() -> None:
    store = Store()
    data = {"url": base64.b64encode(b"postgresql://").decode(), "service.pem": base64.b64encode(b"PEM").decode()}
    store.add({"kind": "Secret", "metadata": {"name": "members"}, "data": data})
    store.add({"kind": "ConfigMap", "metadata": {"name": "gateway"}, "data": {"envoy.yaml": "a: 1"}})
    entries = [
        {"name": "KEHU_LOG_LEVEL", "value": "info"},
        {"name": "KEHU_DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "members", "key": "url"}}},
    ]
    assert dict(environment({"env": entries}, store)) == {
        "KEHU_LOG_LEVEL": "info",
        "KEHU_DATABASE_URL": "postgresql://",
    }
    items = [{"key": "service.pem", "path": "key.pem"}]
    assert store.files({"secret": {"secretName": "members", "items": items}}) == {"key.pem": b"PEM"}
    assert store.files({"projected": {"sources": [{"configMap": {"name": "gateway"}}]}}) == {"envoy.yaml": b"a: 1"}
    with pytest.raises(KeyError):
        store.files({"secret": {"secretName": "missing"}})


def test_a_deployment_rolls_at_the_pace_of_its_strategy() -> None:
    assert cluster._pace({"type": "Recreate"}, 1) == (0, 1)
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 2}}
    assert cluster._pace(rolling, 3) == (2, 0)
