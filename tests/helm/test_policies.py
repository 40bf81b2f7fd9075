"""Every object of every set of values: valid for Kubernetes, and as careful as the house asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.chart import EVERYTHING, Manifest, container, documents, pods, shipped, text
from tools.chart.examples import SETS

pytestmark = pytest.mark.chart

# Kinds of others, whose schemas are not Kubernetes' own.
OTHERS = {
    "cert-manager.io/v1",
    "external-secrets.io/v1",
    "gateway.networking.k8s.io/v1",
    "keda.sh/v1alpha1",
    "monitoring.coreos.com/v1",
    "postgresql.cnpg.io/v1",
    "rabbitmq.com/v1beta1",
}
RENDERED: dict[str, Callable[[], str]] = {
    **{name: lambda name=name: shipped(name) for name in SETS},  # type: ignore[misc]
    "least": text,
    "everything": lambda: text(EVERYTHING),
}


def validate(manifest: Manifest, version: str = "") -> None:
    """Hold an object to the schema of a version of Kubernetes; the newest that is known, if none is said."""
    # Only `make chart` installs it, and every test file is read by `make test`.
    import kubernetes_validate

    kubernetes_validate.validate(manifest, version or kubernetes_validate.latest_version(), strict=True)


@pytest.fixture(params=RENDERED)
def found(request: pytest.FixtureRequest) -> list[Manifest]:
    return documents(RENDERED[request.param]())


def test_every_object_is_valid_for_the_newest_kubernetes_that_is_known(found: list[Manifest]) -> None:
    checked = 0
    for each in found:
        if each["apiVersion"] not in OTHERS:
            validate(each)
            checked += 1
    assert checked > 50


def test_every_object_is_valid_for_the_oldest_kubernetes_that_the_chart_is_for() -> None:
    for each in documents(text(EVERYTHING)):
        if each["apiVersion"] not in OTHERS:
            validate(each, "1.30")


def test_no_object_is_made_twice(found: list[Manifest]) -> None:
    names = [(each["apiVersion"], each["kind"], each["metadata"]["name"]) for each in found]
    assert len(names) == len(set(names))


def test_names_fit(found: list[Manifest]) -> None:
    for each in found:
        assert len(each["metadata"]["name"]) <= 63 - len("-1234567890-abcde")


def test_every_object_says_what_it_belongs_to(found: list[Manifest]) -> None:
    for each in found:
        if each["metadata"]["name"] != "extra":
            labels = each["metadata"]["labels"]
            assert labels["app.kubernetes.io/name"] == "kehu"
            assert labels["app.kubernetes.io/part-of"] == "kehu"
            assert "app.kubernetes.io/component" in labels


def test_every_pod_is_restricted(found: list[Manifest]) -> None:
    for name, pod in pods(found).items():
        spec, security = pod["spec"], container(pod)["securityContext"]
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert security["allowPrivilegeEscalation"] is False, name
        assert security["capabilities"] == {"drop": ["ALL"]}, name
        assert security["readOnlyRootFilesystem"] is True, name
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(spec), name
        kinds = {key for volume in spec.get("volumes", []) for key in volume if key != "name"}
        assert kinds <= {"emptyDir", "secret", "configMap", "projected"}, name


def test_no_pod_has_a_token_but_the_job_of_the_peaks(found: list[Manifest]) -> None:
    for name, pod in pods(found).items():
        assert pod["spec"]["automountServiceAccountToken"] is False, name
        assert pod["spec"]["enableServiceLinks"] is False, name
        has_token = "serviceAccountToken" in str(pod["spec"].get("volumes", []))
        assert has_token is name.endswith("-peaks"), name


def test_every_container_has_requests_and_limits(found: list[Manifest]) -> None:
    for name, pod in pods(found).items():
        resources = container(pod)["resources"]
        assert set(resources["requests"]) == set(resources["limits"]) == {"cpu", "memory"}, name


def test_no_image_is_another_tomorrow(found: list[Manifest]) -> None:
    for name, pod in pods(found).items():
        image = container(pod)["image"]
        assert "@sha256:" in image or image.rpartition(":")[2] not in {"", "latest", image}, name


def test_what_runs_for_long_is_probed(found: list[Manifest]) -> None:
    for name, pod in pods(found).items():
        if name.startswith("Deployment/"):
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container(pod)), name


def test_what_has_more_than_one_replica_has_a_budget_that_leaves_one(found: list[Manifest]) -> None:
    budgets = {each["metadata"]["name"]: each["spec"] for each in found if each["kind"] == "PodDisruptionBudget"}
    least = {each["metadata"]["name"]: replicas(each, found) for each in found if each["kind"] == "Deployment"}
    assert set(budgets) == {name for name, count in least.items() if count > 1}
    assert all(budget["maxUnavailable"] < least[name] for name, budget in budgets.items())


def replicas(deployment: Manifest, found: list[Manifest]) -> int:
    """The replicas that are always there."""
    if "replicas" in deployment["spec"]:
        return int(deployment["spec"]["replicas"])
    name = deployment["metadata"]["name"]
    scaler: dict[str, Any] = next(
        each["spec"]
        for each in found
        if each["kind"] in {"HorizontalPodAutoscaler", "ScaledObject"}
        and each["spec"]["scaleTargetRef"]["name"] == name
    )
    return int(scaler.get("minReplicas") or scaler["minReplicaCount"])


def test_secrets_are_named_and_never_written(found: list[Manifest]) -> None:
    assert not [each for each in found if each["kind"] == "Secret"]
    for name, pod in pods(found).items():
        for each in container(pod).get("env", []):
            if each["name"] in {"KEHU_DATABASE_URL", "KEHU_BROKER_URL", "KEHU_PAGE_TOKEN_KEY"}:
                assert "secretKeyRef" in each["valueFrom"], name


def test_mounted_secrets_are_read_by_the_group_alone(found: list[Manifest]) -> None:
    for name, pod in pods(found).items():
        for volume in pod["spec"].get("volumes", []):
            if "secret" in volume:
                assert volume["secret"]["defaultMode"] == 0o440, name


def test_only_the_job_of_the_peaks_has_a_role(found: list[Manifest]) -> None:
    roles = [
        each["metadata"]["name"] for each in found if each["kind"] in {"Role", "ClusterRole", "ClusterRoleBinding"}
    ]
    assert roles in ([], ["shop-peaks"], ["kehu-peaks"])
