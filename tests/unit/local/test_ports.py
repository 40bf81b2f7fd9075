import socket
from collections.abc import Iterator

import pytest

from deploy.local import ports
from deploy.local.problem import Problem


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        yield port


def test_free_ports_are_different_and_can_be_listened_on() -> None:
    found = ports.free(20)

    assert len(set(found)) == 20
    for port in found:
        socket.create_server(("127.0.0.1", port)).close()


def test_free_ports_are_not_where_outgoing_connections_come_from() -> None:
    lowest_outgoing = 32_768

    assert all(20_000 <= port < lowest_outgoing for port in ports.free(20))


def test_a_free_port_may_be_demanded() -> None:
    ports.demand(ports.free(1)[0], variable="KEHU_GATEWAY_PORT")


def test_a_taken_port_is_explained_with_its_holder_and_the_way_out(taken: int) -> None:
    with pytest.raises(Problem, match=rf"Port {taken} is taken by .+ \(process \d+\); .+KEHU_GATEWAY_PORT={taken + 1}"):
        ports.demand(taken, variable="KEHU_GATEWAY_PORT")
