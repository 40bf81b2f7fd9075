"""A provider server in the test's own process: both protocols, keys of its own, bad manners on command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from services.orders.config import Config
from services.orders.providers.offered import offered
from services.orders.providers.port import Provider
from tools.providers import keys as own_keys
from tools.providers.keys import Keys
from tools.providers.server import ProviderServer, serving

_NOTICES = "http://127.0.0.1:9/v1/paymentNotices"


@pytest.fixture(scope="session")
def provider_keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """The keys of both sides, made once."""
    return own_keys.generate(tmp_path_factory.mktemp("providers"))


@pytest.fixture(scope="session")
def lasting_provider_server(provider_keys: Keys) -> Iterator[ProviderServer]:
    """WeChat Pay and Alipay at one address for the whole session."""
    with serving(keys=provider_keys, pauses=(0.05, 0.1, 0.2)) as server:
        yield server


@pytest.fixture(scope="session")
def lasting_providers(lasting_provider_server: ProviderServer) -> Mapping[str, Provider]:
    """The adapters to that server: whoever uses one in a test closes it in the same."""
    return providers_of(lasting_provider_server.keys, lasting_provider_server.address, provider_timeout="PT1S")


@pytest.fixture
def provider_server(lasting_provider_server: ProviderServer) -> ProviderServer:
    """WeChat Pay and Alipay, with nothing in their books."""
    lasting_provider_server.forget()
    return lasting_provider_server


def provider_settings(keys: Keys, address: str, *, notices: str = _NOTICES) -> dict[str, str]:
    """The settings of orders, by the names of `Config`, that lead to a provider server."""
    return {name.removeprefix("KEHU_").lower(): value for name, value in keys.settings(address, notices).items()}


def providers_of(keys: Keys, address: str = "127.0.0.1:9", **settings: str) -> Mapping[str, Provider]:
    """The adapters as orders makes them from its settings."""
    others = {"database_url": "postgresql://nobody@127.0.0.1/none", "keyring_file": "none"}
    return offered(Config.model_validate({**others, **provider_settings(keys, address), **settings}))
