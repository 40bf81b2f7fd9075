"""One gateway for the tests of this folder, before a backend that answers as each test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway import Address, Place, Rules, local
from tests.integration.gateway.backend import Backend
from tests.integration.gateway.running import Gateway, free_port, running
from tests.support.rpc import Keys


def quick(**others: Any) -> Rules:
    """The rules of the house with time-outs that a test can wait for."""
    rules = Rules.read().model_dump()
    for kind in ("read", "write"):
        rules["classes"][kind]["timeout_seconds"] = 1.5
    return Rules.model_validate({**rules, **{name: {**rules[name], **given} for name, given in others.items()}})


@pytest.fixture(scope="session")
def serving() -> Iterator[tuple[Backend, int]]:
    """The backend and its port, for the whole run: gRPC servers are slow to come and go."""
    backend = Backend()
    port = backend.start()
    yield backend, port
    backend.stop()


@pytest.fixture
def backend(serving: tuple[Backend, int]) -> Iterator[Backend]:
    """The backend, with nothing told to it yet."""
    backend, _ = serving
    backend.answers.clear()
    backend.calls.clear()
    yield backend
    backend.answers.clear()


@pytest.fixture(scope="session")
def place(keys: Keys, serving: tuple[Backend, int]) -> Callable[[], Place]:
    """Places with ports of their own. Members, orders and campaigns answer; nobody answers for pipeline."""

    def make() -> Place:
        there = [Address("127.0.0.1", serving[1])]
        nowhere = [Address("127.0.0.1", free_port())]
        upstreams = {"members": there, "orders": there, "campaigns": there, "pipeline": nowhere}
        usual = local(upstreams, jwks=str(keys.jwks_file))
        ports = {name: Address("127.0.0.1", free_port()) for name in ("listen", "status", "admin")}
        return Place(**{**{name: getattr(usual, name) for name in Place.__slots__}, **ports})

    return make


@pytest.fixture(scope="session")
def gateway(place: Callable[[], Place], keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The gateway of this run."""
    with running(place(), tmp_path_factory.mktemp("gateway"), rules=quick(), bearer=keys.bearer("admin")) as started:
        yield started


@pytest.fixture
def another(place: Callable[[], Place], keys: Keys, tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """`another(rules=..., place=...)`: a gateway with other rules, or elsewhere."""
    with ExitStack() as stack:

        def make(*, rules: Rules | None = None, at: Place | None = None) -> Gateway:
            return stack.enter_context(
                running(at or place(), tmp_path, rules=rules or quick(), bearer=keys.bearer("admin"))
            )

        yield make
