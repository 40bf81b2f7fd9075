"""TLS towards callers, and in both directions towards the services."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2_grpc
from kehu.members.v1 import members_pb2 as pb

from gateway import Address, Place
from gateway.place import Mutual, Tls
from tests.integration.gateway.backend import Backend
from tests.integration.gateway.running import Gateway, free_port
from tests.support.certificates import Authority, Pair
from tests.support.waiting import until

PATH = "/v1/members/1"


def answer(*_: Any) -> pb.Member:
    return pb.Member(display_name="张三")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def secure(place: Callable[[], Place], authority: Authority) -> Place:
    pair = authority.sign("gateway", "localhost")
    listen = Address("127.0.0.1", free_port())
    return replace(place(), tls=Tls(listen, str(pair.certificate), str(pair.key)))


def browser(authority: Authority, **versions: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.certificate))
    context.set_alpn_protocols(["h2", "http/1.1"])
    for name, version in versions.items():
        setattr(context, name, version)
    return context


@contextmanager
def connected(place: Place, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    assert place.tls is not None
    plain = socket.create_connection((place.tls.listen.host, place.tls.listen.port), timeout=10)
    with plain, context.wrap_socket(plain, server_hostname="localhost") as wrapped:
        yield wrapped


def get(gateway: Gateway, authority: Authority, bearer: str) -> tuple[int, dict[str, str]]:
    assert gateway.place.tls is not None
    context = ssl.create_default_context(cafile=str(authority.certificate))
    connection = http.client.HTTPSConnection("localhost", gateway.place.tls.listen.port, context=context, timeout=10)
    connection.request("GET", PATH, headers={"authorization": bearer} if bearer else {})
    reply = connection.getresponse()
    headers = {name.lower(): value for name, value in reply.getheaders()}
    reply.read()
    connection.close()
    return reply.status, headers


@pytest.mark.parametrize("known", [True, False])
def test_a_browser_is_told_to_stay_with_tls_and_to_trust_nothing(
    another: Callable[..., Gateway], backend: Backend, secure: Place, authority: Authority, known: bool
) -> None:
    backend.answers["GetMember"] = answer
    gateway = another(at=secure)

    status, headers = get(gateway, authority, gateway.bearer if known else "")

    assert status == (200 if known else 401)
    assert headers["strict-transport-security"].startswith("max-age=31536000")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["cache-control"] == "no-store"
    assert not {"server", "x-envoy-upstream-service-time"} & set(headers)


def test_both_versions_of_http_are_offered_and_nothing_older_than_tls_1_2(
    another: Callable[..., Gateway], secure: Place, authority: Authority
) -> None:
    another(at=secure)

    with connected(secure, browser(authority)) as newest:
        assert (newest.version(), newest.selected_alpn_protocol()) == ("TLSv1.3", "h2")
    with connected(secure, browser(authority, maximum_version=ssl.TLSVersion.TLSv1_2)) as oldest:
        assert oldest.version() == "TLSv1.2"
    old = browser(authority)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError), connected(secure, old):
        pass


def test_grpc_comes_in_over_tls_and_the_plain_port_is_closed(
    another: Callable[..., Gateway], backend: Backend, secure: Place, authority: Authority
) -> None:
    backend.answers["GetMember"] = answer
    gateway = another(at=secure)
    assert secure.tls is not None

    credentials = grpc.ssl_channel_credentials(authority.certificate.read_bytes())
    with grpc.secure_channel(f"localhost:{secure.tls.listen.port}", credentials) as channel:
        call = channel.unary_unary(
            "/kehu.members.v1.MembersService/GetMember",
            request_serializer=pb.GetMemberRequest.SerializeToString,
            response_deserializer=pb.Member.FromString,
        )
        member = call(pb.GetMemberRequest(name="members/1"), timeout=10, metadata=[("authorization", gateway.bearer)])

    assert member.display_name == "张三"
    with pytest.raises(ConnectionRefusedError):
        gateway.call("GET", PATH)


def test_the_plain_port_may_stay_open_beside_tls_without_a_word_of_it(
    another: Callable[..., Gateway], backend: Backend, secure: Place, authority: Authority
) -> None:
    backend.answers["GetMember"] = answer
    assert secure.tls is not None
    gateway = another(at=replace(secure, tls=replace(secure.tls, beside=True)))

    plain = gateway.call("GET", PATH)

    assert plain.status == 200
    assert "strict-transport-security" not in plain.headers
    assert get(gateway, authority, gateway.bearer)[0] == 200


@pytest.fixture
def guarded(authority: Authority, backend: Backend) -> Iterator[Callable[[Pair], int]]:
    """`guarded(pair)`: the port of a service that shows a certificate and wants to see one of the authority."""
    servers = []

    def start(pair: Pair) -> int:
        server = grpc.server(ThreadPoolExecutor(4))
        server.add_generic_rpc_handlers((backend,))
        health_pb2_grpc.add_HealthServicer_to_server(backend.health, server)
        credentials = grpc.ssl_server_credentials(
            [(pair.key.read_bytes(), pair.certificate.read_bytes())],
            root_certificates=authority.certificate.read_bytes(),
            require_client_auth=True,
        )
        port = server.add_secure_port("127.0.0.1:0", credentials)
        server.start()
        servers.append(server)
        return int(port)

    yield start
    for server in servers:
        server.stop(None).wait()


def mutual(place: Place, port: int, pair: Pair, authority: Authority) -> Place:
    there = [Address("127.0.0.1", port)]
    return replace(
        place,
        upstreams={**place.upstreams, "members": there, "orders": there, "campaigns": there},
        mutual=Mutual(str(pair.certificate), str(pair.key), str(authority.certificate)),
    )


def test_the_gateway_and_a_service_prove_themselves_to_each_other(
    another: Callable[..., Gateway],
    backend: Backend,
    place: Callable[[], Place],
    authority: Authority,
    guarded: Callable[[Pair], int],
) -> None:
    backend.answers["GetMember"] = answer
    port = guarded(authority.sign("members", "127.0.0.1"))
    gateway = another(at=mutual(place(), port, authority.sign("gateway", "gateway"), authority))

    until(lambda: gateway.call("GET", PATH).status == 200, what="an answer over TLS")


@pytest.mark.parametrize("wrong", ["the service is another", "the service's authority", "the gateway's authority"])
def test_who_cannot_prove_itself_gets_no_call(
    another: Callable[..., Gateway],
    backend: Backend,
    place: Callable[[], Place],
    authority: Authority,
    guarded: Callable[[Pair], int],
    tmp_path: Path,
    wrong: str,
) -> None:
    backend.answers["GetMember"] = answer
    stranger = Authority(tmp_path, "stranger")
    shown = (stranger if wrong == "the service's authority" else authority).sign(
        "members", "10.9.9.9" if wrong == "the service is another" else "127.0.0.1"
    )
    own = (stranger if wrong == "the gateway's authority" else authority).sign("gateway", "gateway")
    gateway = another(at=mutual(place(), guarded(shown), own, authority))

    reply = gateway.call("GET", PATH)

    assert (reply.status, reply.reason) == (503, "UNAVAILABLE")
    assert backend.calls == []
