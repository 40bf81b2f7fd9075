import stat
from pathlib import Path

import pytest

from deploy.local.rabbitmq import Node, Programs

ERL = """#!/bin/sh
if [ -z "$ERL_ROOTDIR" ]
then
    ROOTDIR=/usr/lib/erlang
fi
BINDIR="$ROOTDIR/erts-13.1.5/bin"
"""


@pytest.fixture
def unpacked(tmp_path: Path) -> Programs:
    root = tmp_path / "debian"
    (root / "usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/sbin").mkdir(parents=True)
    (root / "usr/lib/erlang/erts-13.1.5/bin").mkdir(parents=True)
    (root / "usr/lib/erlang/erts-13.1.5/bin/epmd").touch()
    (root / "usr/lib/erlang/bin").mkdir()
    (root / "usr/lib/erlang/bin/erl").write_text(ERL)
    return Programs(root)


@pytest.fixture
def node(unpacked: Programs, tmp_path: Path) -> Node:
    made = Node(unpacked, tmp_path / "node", port=1, distribution_port=2, epmd_port=3, password="secret")
    made.configure()
    return made


def test_a_folder_with_rabbitmq_and_erlang_is_complete(unpacked: Programs, tmp_path: Path) -> None:
    assert unpacked.complete
    assert not Programs(tmp_path).complete


def test_unpacked_erlang_finds_itself_wherever_it_lies(unpacked: Programs) -> None:
    unpacked.relocate()

    script = (unpacked.root / "usr/lib/erlang/bin/erl").read_text()
    assert "/usr/lib/erlang" not in script
    assert 'ROOTDIR=$(cd "$(dirname "$0")/.." && pwd)' in script


def test_a_node_shares_nothing_with_the_machines_broker(node: Node, tmp_path: Path) -> None:
    environment = node.environment()

    assert environment["HOME"] == str(tmp_path / "node")
    shared = {name for name, value in environment.items() if value.startswith(("/etc", "/var"))}
    assert not shared
    assert {environment[name] for name in ("RABBITMQ_NODE_PORT", "RABBITMQ_DIST_PORT", "ERL_EPMD_PORT")} == set("123")


def test_a_node_listens_on_loopback_alone(node: Node) -> None:
    assert "listeners.tcp.1 = 127.0.0.1:1\n" in (node.folder / "rabbitmq.conf").read_text()
    assert "inet_dist_use_interface {127,0,0,1}" in node.environment()["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"]
    assert node.epmd[1:3] == ["-address", "127.0.0.1"]


def test_only_the_owner_reads_the_password(node: Node) -> None:
    assert stat.S_IMODE((node.folder / "rabbitmq.conf").stat().st_mode) == 0o600
    assert node.url == "amqp://kehu:secret@127.0.0.1:1/"
