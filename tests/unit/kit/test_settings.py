from __future__ import annotations

import pytest

from kit.settings import Settings, SettingsError, load

DATABASE = "postgresql://members:secret@127.0.0.1/members"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEHU_DATABASE_URL", DATABASE)
    monkeypatch.setenv("KEHU_LOG_LEVEL", "warning")
    settings = load(Settings)
    assert settings.database_url.get_secret_value() == DATABASE
    assert settings.log_level == "warning"


def test_settings_can_be_printed_without_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEHU_DATABASE_URL", DATABASE)
    printed = str(load(Settings).printable())
    assert "secret" not in printed
    assert "grpc_address" in printed


def test_bad_settings_stop_the_process_with_a_sentence_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KEHU_DATABASE_URL", raising=False)
    monkeypatch.setenv("KEHU_TRACE_RATIO", "2")
    with pytest.raises(SettingsError) as stopped:
        load(Settings)
    assert "KEHU_DATABASE_URL" in str(stopped.value)
    assert "KEHU_TRACE_RATIO" in str(stopped.value)
