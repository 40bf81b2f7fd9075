"""Values that can't be used: what the schema refuses, and every sentence of `_validate.tpl`."""

from __future__ import annotations

import json
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.chart import EVERYTHING, MINIMAL, PEAK, merged, text
from tools.chart.helm import CHART, Refused

pytestmark = pytest.mark.chart

KUBERNETES = {"networkPolicy": {"kubernetes": {"to": [{"ipBlock": {"cidr": "10.9.0.1/32"}}]}}}


def peak(**changes: Any) -> dict[str, Any]:
    return {**KUBERNETES, "peaks": [{**PEAK, **changes}]}


def needs(component: str, replicas: int) -> dict[str, int]:
    return {**PEAK["replicas"], component: replicas}


def members(**values: Any) -> dict[str, Any]:
    return {"services": {"members": values}}


# Each with a part of its sentence.
REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("image.repository is empty", {"image": {"repository": ""}}),
    ("image.tag is latest", {"image": {"tag": "latest"}}),
    ("gateway.image.tag is latest", {"gateway": {"image": {"tag": "latest"}}}),
    ("services.orders.existingSecret is empty", {"services": {"orders": {"existingSecret": ""}}}),
    ("are both empty", {"jwks": {"existingSecret": ""}}),
    ("are both set", {"jwks": {"existingConfigMap": "keys"}}),
    ("env.KEHU_DATABASE_URL is a secret", {"env": {"KEHU_DATABASE_URL": "postgresql://"}}),
    ("services.members.env.KEHU_BROKER_URL is a secret", members(env={"KEHU_BROKER_URL": "amqp://"})),
    (
        "services.members.serve.env.KEHU_PAGE_TOKEN_KEY is a secret",
        members(serve={"env": {"KEHU_PAGE_TOKEN_KEY": "k"}}),
    ),
    ("externalSecrets.storeName is empty", {"externalSecrets": {"enabled": True}}),
    ("min 11 is more than max 10", members(serve={"autoscaling": {"min": 11}})),
    ("autoscaling of gateway: min 5 is more than max 4", {"gateway": {"autoscaling": {"min": 5, "max": 4}}}),
    ("members-serve has fixed replicas and autoscaling", members(serve={"replicas": 3})),
    ("all of them could be away at once", members(serve={"maxUnavailable": 2})),
    ("members-serve is killed after 35 s", members(serve={"terminationGracePeriodSeconds": 35})),
    ("members-consume is killed after 22 s", members(consume={"terminationGracePeriodSeconds": 22})),
    ("members-relay is killed after 10 s", members(relay={"terminationGracePeriodSeconds": 10})),
    ("it would be killed while it drains", {"gateway": {"terminationGracePeriodSeconds": 20}}),
    ("not less than its memory limit 1Gi", {"gateway": {"limits": {"heapBytes": 1 << 30}}}),
    ("not less than its memory limit 512Mi", {"gateway": {"resources": {"limits": {"memory": "512Mi"}}}}),
    ("networkPolicy.databases.to is empty", {"networkPolicy": {"databases": {"to": []}}}),
    ("networkPolicy.broker.to is empty", {"networkPolicy": {"broker": {"to": []}}}),
    ("networkPolicy.collector.to is empty", {"settings": {"otlpEndpoint": "http://c:4318"}}),
    ("networkPolicy.issuer.to is empty", {"issuer": {"name": "a", "jwksUri": "https://a/keys"}}),
    ("networkPolicy.payments.to is empty", {"services": {"orders": {"paymentsSecret": "p"}}}),
    ("networkPolicy.kubernetes.to is empty", {"peaks": [PEAK]}),
    ("networkPolicy.dns.to is empty", {"networkPolicy": {"dns": {"to": []}}}),
    ("would open the metrics to everybody", {"networkPolicy": {"prometheus": {"from": []}}}),
    ("gateway.ingress.host is empty", {"gateway": {"ingress": {"enabled": True}}}),
    ("gateway.httpRoute.parentRefs is empty", {"gateway": {"httpRoute": {"enabled": True}}}),
    ("gateway.tls.secret is empty", {"gateway": {"tls": {"enabled": True}}}),
    ("issuer.name and issuer.jwksUri belong together", {"issuer": {"jwksUri": "https://a/keys"}}),
    ("services.campaigns is off, but orders calls it", {"services": {"campaigns": {"enabled": False}}}),
    ("postgresql.enabled makes what migrations need", {"postgresql": {"enabled": True}}),
    ("rabbitmq.enabled makes what migrations need", {"rabbitmq": {"enabled": True}}),
    ("externalSecrets.enabled makes what migrations need", {"externalSecrets": {"enabled": True, "storeName": "v"}}),
    ("two peaks are named double-11", {**KUBERNETES, "peaks": [PEAK, PEAK]}),
    ("peak double-11 ends before it starts", peak(end=PEAK["start"])),
    ("needs 30 replicas of orders-serve, but its autoscaling.max is 10", peak(replicas=needs("orders-serve", 30))),
    ("needs 4 replicas of orders-consume, but it has 1 fixed ones", peak(replicas=needs("orders-consume", 4))),
    ("files/capacity.json says nothing about orders-serve", peak(replicas={})),
    ("which is none of", peak(replicas=needs("orders-relay", 2))),
]


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart without figures of what an order costs."""
    copy = tmp_path_factory.mktemp("chart") / "kehu"
    shutil.copytree(CHART, copy, ignore=shutil.ignore_patterns("examples", "capacity.json"))
    return copy


def complaint(values: dict[str, Any], chart: Path) -> str:
    """What helm says to values that can't be used."""
    return _complaint(json.dumps(values), chart)


@cache
def _complaint(values: str, chart: Path) -> str:
    with pytest.raises(Refused) as refused:
        text(json.loads(values), chart=chart)
    return str(refused.value)


@pytest.mark.parametrize(("sentence", "values"), REFUSED, ids=[sentence for sentence, _ in REFUSED])
def test_values_that_contradict_each_other_are_told_in_a_sentence(
    sentence: str, values: dict[str, Any], chart: Path
) -> None:
    assert "These values can't be used:" in complaint(values, chart)
    assert sentence in complaint(values, chart)


def test_every_sentence_is_provoked(chart: Path) -> None:
    """A sentence that no test provokes might never be said."""
    source = (CHART / "templates" / "_validate.tpl").read_text()
    sentences = re.findall(r'append \$wrong \(?(?:printf )?"((?:[^"\\]|\\.)*)"', source)
    assert len(sentences) == source.count("append $wrong")
    said = [line.removeprefix("- ") for _, values in REFUSED for line in complaint(values, chart).splitlines()]
    for sentence in sentences:
        pattern = re.compile(".+".join(re.escape(part) for part in re.split(r"%[svd]", sentence)))
        assert any(pattern.fullmatch(line) for line in said), f"no test provokes: {sentence}"


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(Refused) as refused:
        text({"image": {"repository": ""}, "gateway": {"tls": {"enabled": True}}})
    assert str(refused.value).count("\n- ") == 2


UNKNOWN: list[dict[str, Any]] = [
    {"nonsense": 1},
    {"image": {"nonsense": 1}},
    {"settings": {"nonsense": 1}},
    {"settings": {"traceRatios": {"migrate": 0.5}}},
    {"defaults": {"serve": {"nonsense": 1}}},
    {"defaults": {"relay": {"replicas": 2}}},
    {"services": {"nonsense": {"enabled": True}}},
    {"services": {"orders": {"enabled": True, "serve": {"autoscaling": {"nonsense": 1}}}}},
    {"gateway": {"limits": {"nonsense": 1}}},
    {"networkPolicy": {"databases": {"nonsense": 1}}},
    {"monitoring": {"dashboards": {"nonsense": 1}}},
    {"peaks": [{**PEAK, "nonsense": 1}]},
]
WRONG: list[dict[str, Any]] = [
    {"env": {"lower_case": "1"}},
    {"env": {"KEHU_STATEMENT_TIMEOUT_MS": 1}},
    {"labels": {"app.kubernetes.io/name": "other"}},
    {"settings": {"logLevel": "loud"}},
    {"settings": {"otlpEndpoint": "https://collector:4318"}},
    {"settings": {"traceRatio": 2}},
    {"settings": {"traceRatios": {"serve": -0.1}}},
    {"image": {"digest": "sha256:short"}},
    {"rabbitmq": {"replicas": 2}},
    {"gateway": {"limits": {"callsPerSecond": 5}}},
    {"issuer": {"name": "a", "jwksUri": "http://a/keys"}},
    {"services": {"orders": {"enabled": True, "serve": {"resources": {"limits": {"memory": "lots"}}}}}},
    {"peaks": [{**PEAK, "start": "tomorrow"}]},
    {"networkPolicy": {"databases": {"to": [{"cidr": "10.0.0.0/8"}]}}},
]


@pytest.mark.parametrize("values", [*UNKNOWN, *WRONG], ids=json.dumps)
def test_the_schema_refuses_what_it_does_not_know(values: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="values don't meet the specifications of the schema"):
        text(values)


def test_every_object_of_the_schema_is_closed_or_a_map_of_one_kind() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    open_ones = [
        path for path, node in _nodes(schema, "") if node.get("type") == "object" and "additionalProperties" not in node
    ]
    # A part of Kubernetes' own that is handed on as it is.
    handed_on = {"affinity", "items", "namespaceSelector", "podSelector", "global"}
    assert {path.rpartition("/")[2] for path in open_ones} == handed_on


def _nodes(node: Any, path: str) -> list[tuple[str, dict[str, Any]]]:
    if isinstance(node, list):
        return [found for each in node for found in _nodes(each, path)]
    if not isinstance(node, dict):
        return []
    return [(path, node), *(found for key, each in node.items() for found in _nodes(each, f"{path}/{key}"))]


def test_the_schema_knows_every_default() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(values) | {"global"} == set(schema["properties"])


def test_the_least_and_everything_can_be_used() -> None:
    assert text()
    assert text(EVERYTHING)
    assert merged(MINIMAL, EVERYTHING)["peaks"] == [PEAK]
