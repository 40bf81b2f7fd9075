"""Peaks: replicas before the crowd, limits that let it through, and a job that may do just that."""

from __future__ import annotations

import json
import runpy
import shutil
import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from tests.support.certificates import Authority
from tests.support.chart import MINIMAL, PEAK, Manifest, container, merged, named, objects
from tools.chart.helm import CHART

pytestmark = pytest.mark.chart

BY_JOB: dict[str, Any] = {
    "peaks": [PEAK],
    "networkPolicy": {"kubernetes": {"to": [{"ipBlock": {"cidr": "10.9.0.1/32"}}], "port": 6443}},
}
START, END = 1825848000, 1825956000
SCRIPT = CHART / "files" / "scale.py"


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart with costs in it: round figures, to reckon with."""
    chart = tmp_path_factory.mktemp("chart") / "kehu"
    shutil.copytree(CHART, chart, ignore=shutil.ignore_patterns("examples"))
    components = [f"{service}-{role}" for service in MINIMAL["services"] for role in ("serve", "consume", "relay")]
    costs = {
        "processes": {name: {"cpu_ms_per_order": 0.1} for name in components}
        | {"orders-serve": {"cpu_ms_per_order": 24}},
        "gateway": {"cpu_ms_per_order": 3},
    }
    (chart / "files" / "capacity.json").write_text(json.dumps(costs))
    return chart


def reckoned(rate: float, **plan: float) -> dict[str, Any]:
    """A peak without figures of one's own."""
    peak = {key: value for key, value in PEAK.items() if key != "replicas"}
    room = {"defaults": {"serve": {"autoscaling": {"max": 90}}}, "gateway": {"autoscaling": {"max": 90}}}
    return merged(BY_JOB, room, {"peaks": [{**peak, "expectedOrdersPerSecond": rate}], "peakPlan": plan})


def table(*values: Any, chart: Path = CHART) -> dict[str, Any]:
    job = next(each for each in objects("peaks.yaml", *values, chart=chart) if each["kind"] == "CronJob")
    arguments = container(job["spec"]["jobTemplate"]["spec"]["template"])["args"]
    return {entry["name"]: entry for entry in json.loads(arguments[1])}


def least(name: str, *values: Any, chart: Path) -> int:
    found: int = table(*values, chart=chart)[name]["peaks"][0]["least"]
    return found


def test_replicas_follow_from_what_an_order_was_measured_to_cost(measured: Path) -> None:
    # 100 orders/s x 24 ms = 2.4 processors, of which each replica may use 0.6.
    assert least("shop-orders-serve", reckoned(100), chart=measured) == 4
    assert least("shop-orders-serve", reckoned(101), chart=measured) == 5
    assert least("shop-orders-serve", reckoned(100, utilisation=0.3), chart=measured) == 8


def test_a_peak_never_takes_replicas_away(measured: Path) -> None:
    assert least("shop-members-serve", reckoned(1), chart=measured) == 2


def test_whoever_knows_better_says_so(measured: Path) -> None:
    values = reckoned(100)
    values["peaks"][0]["replicas"] = {"orders-serve": 17}
    assert least("shop-orders-serve", values, chart=measured) == 17
    assert least("shop-gateway", values, chart=measured) == 2


def test_replicas_are_there_before_the_start() -> None:
    (peak,) = table(BY_JOB, {"peakPlan": {"leadMinutes": 45}})["shop-orders-serve"]["peaks"]
    assert (peak["from"], peak["until"]) == (START - 45 * 60, END)


def calls(chart: Path, *values: Any) -> int:
    found = named(objects("gateway/configmap.yaml", *values, chart=chart), "shop-gateway")["data"]["envoy.yaml"]
    document = yaml.load(found, yaml.CSafeLoader)
    filters = document["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"][
        "http_filters"
    ]
    bucket = next(each for each in filters if each["name"].endswith("local_ratelimit"))["typed_config"]["token_bucket"]
    return 10 * int(bucket["tokens_per_fill"])


def test_the_gateway_lets_the_crowd_through(measured: Path) -> None:
    # 1,000 orders/s need 5 pods; x 20 calls x 3 = 60,000 calls/s, 12,000 a pod.
    values = reckoned(1000, callsPerOrder=20, surge=3)
    assert least("shop-gateway", values, chart=measured) == 5
    assert calls(measured, values) == 12_000


def test_a_small_peak_lowers_no_limit(measured: Path) -> None:
    assert calls(measured, reckoned(10)) == calls(measured) == 10_000


def test_the_job_may_change_the_autoscalers_of_its_release_and_nothing_else() -> None:
    found = objects("peaks.yaml", BY_JOB)
    (role,) = [each for each in found if each["kind"] == "Role"]
    (rule,) = role["rules"]
    assert (rule["apiGroups"], rule["resources"], rule["verbs"]) == (
        ["autoscaling"],
        ["horizontalpodautoscalers"],
        ["patch"],
    )
    scaled = {
        each["metadata"]["name"] for template in ("hpa.yaml", "gateway/hpa.yaml") for each in objects(template, BY_JOB)
    }
    assert set(rule["resourceNames"]) == scaled
    (binding,) = [each for each in found if each["kind"] == "RoleBinding"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "shop-peaks", "namespace": "kehu"}]


def test_the_job_reaches_kubernetes_and_names_only() -> None:
    (policy,) = [each for each in objects("peaks.yaml", BY_JOB) if each["kind"] == "NetworkPolicy"]
    assert [port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]] == [53, 53, 6443]
    assert "ingress" not in policy["spec"]


def test_without_peaks_or_with_keda_there_is_no_job() -> None:
    keda = {
        "defaults": {"serve": {"autoscaling": {"by": "keda"}}},
        "gateway": {"autoscaling": {"by": "keda"}},
        "peaks": [PEAK],
    }
    assert objects("peaks.yaml") == []
    assert objects("peaks.yaml", keda) == []


@pytest.mark.parametrize(
    ("moment", "expected"),
    [(START - 1, 2), (START, 9), (END - 1, 9), (END, 2)],
    ids=["before", "first", "last", "after"],
)
def test_the_job_sets_what_the_moment_asks_for(moment: int, expected: int) -> None:
    entry = {
        "name": "a",
        "least": 2,
        "peaks": [{"from": START, "until": END, "least": 9}, {"from": 0, "until": 1, "least": 99}],
    }
    assert runpy.run_path(str(SCRIPT))["wanted"](entry, moment) == expected


@pytest.fixture
def kubernetes(tmp_path: Path) -> Iterator[tuple[str, Path, list[dict[str, Any]]]]:
    """Something that answers like Kubernetes' API, an account for it, and what it was asked."""
    asked: list[dict[str, Any]] = []

    class Api(BaseHTTPRequestHandler):
        def do_PATCH(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append({"path": self.path, "token": self.headers["Authorization"], "body": json.loads(body)})
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody listens."""

    authority = Authority(tmp_path)
    pair = authority.sign("api", "localhost")
    server = HTTPServer(("127.0.0.1", 0), Api)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    (tmp_path / "token").write_text("secret")
    authority.certificate.rename(tmp_path / "ca.crt")
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"https://localhost:{server.server_port}", tmp_path, asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_job_patches_each_autoscaler(kubernetes: tuple[str, Path, list[dict[str, Any]]]) -> None:
    api, account, asked = kubernetes
    entries = json.dumps([{"name": "shop-orders-serve", "least": 2, "peaks": []}])
    runpy.run_path(str(SCRIPT))["main"]("kehu", entries, api=api, account=str(account))
    path = "/namespaces/kehu/horizontalpodautoscalers/shop-orders-serve?fieldManager=kehu-peaks"
    assert asked == [{"path": path, "token": "Bearer secret", "body": {"spec": {"minReplicas": 2}}}]


def test_the_job_s_program_is_the_one_that_is_tested() -> None:
    job: Manifest = next(each for each in objects("peaks.yaml", BY_JOB) if each["kind"] == "CronJob")
    command = container(job["spec"]["jobTemplate"]["spec"]["template"])["command"]
    assert command[2].strip() == SCRIPT.read_text().strip()
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
