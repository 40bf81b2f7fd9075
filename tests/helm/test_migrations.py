"""Migrations: before new pods, by Helm's hooks or by GitOps."""

from __future__ import annotations

from typing import Any

import pytest

from services.members.config import Config as Members
from tests.support.chart import EVERYTHING, MINIMAL, container, environment, named, objects

pytestmark = pytest.mark.chart

GITOPS: dict[str, Any] = {"migrations": {"useHelmHooks": False, "annotations": {"argocd.argoproj.io/sync-wave": "-1"}}}


def test_every_service_is_migrated_before_it_is_installed_or_upgraded() -> None:
    found = objects("migrate-job.yaml")
    assert {each["metadata"]["name"] for each in found} == {f"shop-{name}-migrate" for name in MINIMAL["services"]}
    for each in found:
        assert each["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
        assert each["metadata"]["annotations"]["helm.sh/hook-delete-policy"] == "before-hook-creation"


def test_a_hook_needs_nothing_that_the_release_has_yet_to_make() -> None:
    for each in objects("migrate-job.yaml"):
        pod = each["spec"]["template"]["spec"]
        assert "serviceAccountName" not in pod
        assert not [volume for volume in pod["volumes"] if "configMap" in volume]
        assert "envFrom" not in container(each["spec"]["template"])


def test_only_members_opens_what_is_sealed_while_it_migrates() -> None:
    found = {
        name: "KEHU_KEYRING_FILE"
        in environment(named(objects("migrate-job.yaml"), f"shop-{name}-migrate")["spec"]["template"])
        for name in MINIMAL["services"]
    }
    assert found == {"members": True, "orders": False, "campaigns": False, "pipeline": False}


def test_a_migration_s_settings_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    template = named(objects("migrate-job.yaml"), "shop-members-migrate")["spec"]["template"]
    for name, value in environment(template).items():
        monkeypatch.setenv(name, value if isinstance(value, str) else "from-a-secret")
    assert Members().keyring_file == "/etc/kehu/keys/keyring.json"


def test_a_migration_gives_up_in_time() -> None:
    found = objects("migrate-job.yaml", {"migrations": {"backoffLimit": 1, "activeDeadlineSeconds": 600}})[0]["spec"]
    assert (found["backoffLimit"], found["activeDeadlineSeconds"]) == (1, 600)
    assert found["template"]["spec"]["restartPolicy"] == "Never"


def test_for_gitops_another_release_has_another_job() -> None:
    def names(*values: dict[str, Any]) -> set[str]:
        return {each["metadata"]["name"] for each in objects("migrate-job.yaml", GITOPS, *values)}

    assert names() == names()
    assert not names() & names({"image": {"tag": "1.2.4"}})
    assert not names() & names(
        {"services": {name: {"env": {"KEHU_LOG_LEVEL": "debug"}} for name in MINIMAL["services"]}}
    )


def test_for_gitops_a_job_is_no_hook_and_has_its_place_in_the_order() -> None:
    for each in objects("migrate-job.yaml", GITOPS):
        assert each["metadata"]["annotations"] == {"argocd.argoproj.io/sync-wave": "-1"}
        assert each["spec"]["template"]["spec"]["serviceAccountName"].startswith("shop-")


def test_migrations_can_be_left_to_somebody_else() -> None:
    assert objects("migrate-job.yaml", {"migrations": {"enabled": False}}) == []


def test_placement_and_resources_of_a_migration_are_its_own() -> None:
    values = {
        "services": {
            "orders": {"migrate": {"nodeSelector": {"a": "b"}, "podLabels": {"c": "d"}, "podAnnotations": {"e": "f"}}}
        }
    }
    found = named(objects("migrate-job.yaml", values), "shop-orders-migrate")["spec"]["template"]
    assert found["spec"]["nodeSelector"] == {"a": "b"}
    assert found["metadata"]["labels"]["c"] == "d"
    assert found["metadata"]["annotations"] == {"e": "f"}
    assert "topologySpreadConstraints" not in found["spec"]


def test_with_everything_the_database_of_its_operator_is_migrated() -> None:
    found = [each for each in objects("migrate-job.yaml", EVERYTHING) if "orders" in each["metadata"]["name"]]
    assert environment(found[0]["spec"]["template"])["KEHU_DATABASE_URL"] == {
        "secretKeyRef": {"name": "shop-orders-db-app", "key": "uri"}
    }
