"""What a chart renders, as objects; and what of a pod this runner carries out. What it does not know, it refuses."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

Object = dict[str, Any]

# Told to the scheduler, the kubelet's image store or the API server, none of which is here.
_WITHOUT_EFFECT = {
    *("affinity", "automountServiceAccountToken", "enableServiceLinks", "imagePullSecrets", "nodeSelector"),
    *("priorityClassName", "serviceAccountName", "tolerations", "topologySpreadConstraints", "restartPolicy"),
}
_POD = {"containers", "securityContext", "terminationGracePeriodSeconds", "volumes"}
_CONTAINER = {
    *("args", "command", "env", "image", "lifecycle", "livenessProbe", "name", "ports", "readinessProbe"),
    *("resources", "securityContext", "startupProbe", "volumeMounts", "imagePullPolicy"),
}
_POD_SECURITY = {"fsGroup", "runAsNonRoot", "runAsUser", "seccompProfile"}
_SECURITY = {"allowPrivilegeEscalation", "capabilities", "readOnlyRootFilesystem"}


@dataclass(frozen=True)
class Manifests:
    """All objects of one release."""

    objects: tuple[Object, ...]

    @staticmethod
    def read(text: str) -> Manifests:
        """What `helm template` printed."""
        return Manifests(tuple(document for document in yaml.safe_load_all(text) if document))

    def of(self, kind: str) -> list[Object]:
        """The objects of a kind that belong to the release itself."""
        return [found for found in self.objects if found["kind"] == kind and not _hook(found)]

    def hooks(self, event: str) -> list[Object]:
        """The objects that are run at an event such as `pre-upgrade`, in order of their weight."""
        found = [item for item in self.objects if event in _hook(item).split(",")]
        return sorted(found, key=lambda item: int(_annotations(item).get("helm.sh/hook-weight", "0")))


@dataclass
class Store:
    """ConfigMaps and Secrets: bytes by key, by kind and name."""

    content: dict[tuple[str, str], dict[str, bytes]] = field(default_factory=dict)

    def add(self, item: Object) -> None:
        """Keep a ConfigMap or a Secret."""
        data = {key: value.encode() for key, value in {**item.get("data", {}), **item.get("stringData", {})}.items()}
        if item["kind"] == "Secret":
            data |= {key: base64.b64decode(value) for key, value in item.get("data", {}).items()}
        data |= {key: base64.b64decode(value) for key, value in item.get("binaryData", {}).items()}
        self.content[item["kind"], item["metadata"]["name"]] = data

    def text(self, kind: str, reference: Mapping[str, str]) -> str:
        """What a key holds."""
        return self.content[kind, reference["name"]][reference["key"]].decode()

    def files(self, volume: Mapping[str, Any]) -> dict[str, bytes]:
        """The files of a volume that is a Secret, a ConfigMap, or several of them."""
        if "projected" in volume:
            return {
                path: data for source in volume["projected"]["sources"] for path, data in self.files(source).items()
            }
        kind, key, source = _source(volume)
        held = self.content[kind, source[key]]
        if "items" in source:
            return {item["path"]: held[item["key"]] for item in source["items"]}
        return held


def check(pod: Mapping[str, Any]) -> None:
    """Refuse a pod that says what this runner would leave out."""
    unknown = set(pod) - _POD - _WITHOUT_EFFECT
    unknown |= set(pod.get("securityContext", {})) - _POD_SECURITY
    for container in pod["containers"]:
        unknown |= set(container) - _CONTAINER
        unknown |= set(container.get("securityContext", {})) - _SECURITY
    if unknown or len(pod["containers"]) != 1:
        raise NotImplementedError(f"the runner does not know {sorted(unknown) or 'several containers'} of a pod")


def environment(container: Mapping[str, Any], store: Store) -> Iterator[tuple[str, str]]:
    """The variables of a container with their values."""
    for entry in container.get("env", []):
        source = entry.get("valueFrom")
        if source is None:
            yield entry["name"], entry["value"]
        elif "secretKeyRef" in source:
            yield entry["name"], store.text("Secret", source["secretKeyRef"])
        else:
            yield entry["name"], store.text("ConfigMap", source["configMapKeyRef"])


def _source(volume: Mapping[str, Any]) -> tuple[str, str, Mapping[str, Any]]:
    if "secret" in volume:
        source = volume["secret"]
        return "Secret", "secretName" if "secretName" in source else "name", source
    return "ConfigMap", "name", volume["configMap"]


def _annotations(item: Object) -> dict[str, str]:
    return item["metadata"].get("annotations") or {}


def _hook(item: Object) -> str:
    return _annotations(item).get("helm.sh/hook", "")
