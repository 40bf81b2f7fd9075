"""The Helm chart, rendered for tests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from tools.chart import examples, helm
from tools.chart.helm import CHART

Manifest = dict[str, Any]

MINIMAL: Mapping[str, Any] = {
    "image": {"repository": "registry.example/kehu", "tag": "1.2.3"},
    "jwks": {"existingSecret": "kehu-jwks"},
    "services": {
        name: {"enabled": True, "existingSecret": f"kehu-{name}"}
        for name in ("members", "orders", "campaigns", "pipeline")
    },
    "networkPolicy": {
        "databases": {"to": [{"ipBlock": {"cidr": "10.0.1.0/24"}}]},
        "broker": {"to": [{"ipBlock": {"cidr": "10.0.2.0/24"}}]},
    },
}
"""The least that can be installed."""

PEAK: Mapping[str, Any] = {
    "name": "double-11",
    "start": "2027-11-10T20:00:00+08:00",
    "end": "2027-11-12T02:00:00+08:00",
    "expectedOrdersPerSecond": 100,
    "replicas": {
        "gateway": 3,
        **{f"{name}-serve": 3 for name in MINIMAL["services"]},
        **{f"{name}-consume": 1 for name in MINIMAL["services"]},
    },
}

EVERYTHING: Mapping[str, Any] = {
    "settings": {"otlpEndpoint": "http://collector.observability:4318"},
    "issuer": {"name": "https://id.example", "jwksUri": "https://id.example/keys"},
    "mutualTls": {"enabled": True, "issuerName": "kehu"},
    "defaults": {"consume": {"autoscaling": {"enabled": True}}},
    "services": {"orders": {"paymentsSecret": "kehu-payments"}},
    "migrations": {"useHelmHooks": False},
    "gateway": {
        "origins": ["https://shop\\.example"],
        "tls": {"enabled": True, "secret": "kehu-tls"},
        "ingress": {"enabled": True, "host": "api.example", "tlsSecret": "kehu-tls"},
        "httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]},
    },
    "networkPolicy": {
        name: {"to": [{"ipBlock": {"cidr": "10.0.3.0/24"}}]}
        for name in ("collector", "issuer", "payments", "kubernetes")
    },
    "externalSecrets": {"enabled": True, "storeName": "vault"},
    "postgresql": {"enabled": True},
    "rabbitmq": {"enabled": True},
    "peaks": [PEAK],
    "monitoring": {name: {"enabled": True} for name in ("serviceMonitor", "prometheusRule", "dashboards")},
    "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "extra"}}],
}
"""Every switch on, over the least."""


def merged(first: Mapping[str, Any], *others: Mapping[str, Any]) -> dict[str, Any]:
    """Values laid over values, as Helm does it."""
    found = dict(first)
    for other in others:
        for key, value in other.items():
            both = isinstance(found.get(key), Mapping) and isinstance(value, Mapping)
            found[key] = merged(found[key], value) if both else value
    return found


def text(*values: Mapping[str, Any], chart: Path = CHART) -> str:
    """The manifests for the least values with others over them. `Refused` if they can't be used."""
    return _text(json.dumps(merged(MINIMAL, *values), sort_keys=True), chart)


@cache
def _text(values: str, chart: Path) -> str:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "values.json"
        file.write_text(values)
        return helm.render(file, release="shop", chart=chart)


def documents(manifests: str) -> list[Manifest]:
    """The objects in some manifests."""
    return [document for document in yaml.load_all(manifests, yaml.CSafeLoader) if document]


def objects(template: str, *values: Mapping[str, Any], chart: Path = CHART) -> list[Manifest]:
    """What one template makes of the least values with others over them."""
    return _parts(text(*values, chart=chart)).get(template, [])


@cache
def _parts(manifests: str) -> dict[str, list[Manifest]]:
    """The objects by the template that they come from."""
    found: dict[str, list[Manifest]] = {}
    for part in re.split(r"^(?=---\n# Source: )", manifests, flags=re.MULTILINE):
        if source := re.match(r"---\n# Source: kehu/templates/(\S+)", part):
            found.setdefault(source[1], []).extend(documents(part))
    return found


def named(found: Iterable[Manifest], name: str) -> Manifest:
    """The one object of a name."""
    (one,) = [each for each in found if each["metadata"]["name"] == name]
    return one


@cache
def shipped(name: str) -> str:
    """The manifests of a shipped set of values."""
    return examples.rendered(name)


def pods(found: Iterable[Manifest]) -> dict[str, Manifest]:
    """Every pod that some objects make, by the object's kind and name."""
    made = {}
    for each in found:
        spec = each.get("spec", {})
        if each["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if each["kind"] == "Pod":
            made[f"Pod/{each['metadata']['name']}"] = each
        elif "template" in spec and each["kind"] in {"Deployment", "Job", "CronJob"}:
            made[f"{each['kind']}/{each['metadata']['name']}"] = spec["template"]
    return made


def container(pod: Manifest) -> Manifest:
    """The one container of a pod (or of a workload's template)."""
    (one,) = pod["spec"]["containers"]
    found: Manifest = one
    return found


def environment(pod: Manifest) -> dict[str, Any]:
    """The environment of a pod's container: texts, or what they are taken from."""
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container(pod)["env"]}
