"""What an upgrade must find again: the names of objects, and the fields of them that Kubernetes never changes.

`make released` keeps those of each release in `released.json`; the tests hold the chart to them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from tools.chart import examples
from tools.chart.helm import CHART

FILE = CHART / "released.json"
_FIELDS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "Deployment": (("spec", "selector"),),
    "Service": (("spec", "clusterIP"), ("spec", "selector")),
    "PodDisruptionBudget": (("spec", "selector"),),
    "RoleBinding": (("roleRef",),),
    "HorizontalPodAutoscaler": (("spec", "scaleTargetRef"),),
    "ScaledObject": (("spec", "scaleTargetRef"),),
    "Cluster": (("spec", "bootstrap"), ("spec", "storage", "storageClass")),
    "RabbitmqCluster": (),
    "ServiceAccount": (),
    "CronJob": (),
}


def fixed(text: str) -> dict[str, dict[str, Any]]:
    """By `Kind/name`, what must not change of the objects in some manifests."""
    documents = [document for document in yaml.safe_load_all(text) if document]
    return {
        f"{document['kind']}/{document['metadata']['name']}": {
            ".".join(path): _at(document, path) for path in _FIELDS[document["kind"]]
        }
        for document in documents
        if document["kind"] in _FIELDS
    }


def _at(document: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def now() -> dict[str, dict[str, dict[str, Any]]]:
    """The same of every shipped set of values, as the chart is now."""
    return {name: fixed(examples.rendered(name)) for name in examples.SETS}


def main() -> None:
    """Entry point."""
    FILE.write_text(json.dumps(now(), indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
