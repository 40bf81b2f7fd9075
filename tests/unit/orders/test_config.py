from __future__ import annotations

import pytest

from kit.settings import SettingsError, load
from services.orders.config import Config


@pytest.fixture(autouse=True)
def needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEHU_DATABASE_URL", "postgresql://orders@127.0.0.1/orders")
    monkeypatch.setenv("KEHU_KEYRING_FILE", "keys.json")


def test_limits_of_refunds_are_read_by_currency(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEHU_REFUND_LIMITS", '{"CNY": 10000, "JPY": 2000}')
    assert load(Config).refund_limits == {"CNY": 10000, "JPY": 2000}


def test_a_limit_in_no_currency_stops_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEHU_REFUND_LIMITS", '{"RMB": 10000}')
    with pytest.raises(SettingsError, match="KEHU_REFUND_LIMITS: 'RMB' is no currency of ISO 4217"):
        load(Config)
