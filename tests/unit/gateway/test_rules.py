"""The hand-written rules, and where the gateway stands."""

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from gateway import Address, Rules, cluster, local
from gateway.rules import FILE


def test_changes_are_never_tried_again_when_the_service_may_have_seen_them() -> None:
    classes = Rules.read().classes

    assert "unavailable" in classes.read.retry_on
    assert "unavailable" not in {*classes.write.retry_on, *classes.batch.retry_on}


def test_batches_get_more_time_and_room_than_other_calls() -> None:
    classes = Rules.read().classes

    assert classes.batch.timeout_seconds > classes.write.timeout_seconds
    assert classes.batch.max_body_bytes == 8 * 1024 * 1024


def test_a_rule_that_is_misspelt_is_refused(tmp_path: Path) -> None:
    rules = yaml.safe_load(FILE.read_text())
    rules["breaker"]["max_connection"] = 1
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(rules))

    with pytest.raises(ValidationError, match="max_connection"):
        Rules.read(file)


@pytest.mark.parametrize(
    ("text", "host", "port", "is_name"),
    [
        ("127.0.0.1:80", "127.0.0.1", 80, False),
        ("[::1]:80", "::1", 80, False),
        ("members.svc:50051", "members.svc", 50051, True),
    ],
)
def test_an_address_is_read(text: str, host: str, port: int, is_name: bool) -> None:
    address = Address.parse(text)

    assert (address.host, address.port, address.is_name) == (host, port, is_name)


@pytest.mark.parametrize("text", ["", "80", ":80", "host:", "host:http"])
def test_text_that_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not host:port"):
        Address.parse(text)


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "localhost"])
def test_the_admin_interface_stays_on_loopback(host: str) -> None:
    place = local({}, jwks="keys.json")

    with pytest.raises(ValueError, match="belongs on loopback"):
        type(place)(Address("127.0.0.1", 1), Address("127.0.0.1", 2), Address(host, 3), {}, jwks="", descriptors="")


def test_a_cluster_listens_where_other_machines_reach_it() -> None:
    assert cluster({}, jwks="keys.json").listen.host == "0.0.0.0"
