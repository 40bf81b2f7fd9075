from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from kit.settings import Settings, SettingsError, load, unknown

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


def test_a_name_that_nothing_reads_is_told_with_the_one_that_was_meant() -> None:
    environment = ["KEHU_STATMENT_TIMEOUT_MS", "KEHU_WECHATPAY_APP", "KEHU_COLOUR", "PATH", "KEHU_LOG_LEVEL"]
    assert unknown(environment) == {
        "KEHU_COLOUR": "",
        "KEHU_STATMENT_TIMEOUT_MS": "KEHU_STATEMENT_TIMEOUT_MS",
        "KEHU_WECHATPAY_APP": "KEHU_WECHAT_PAY_APP",
    }


def test_settings_of_others_and_of_the_process_itself_are_not_strange() -> None:
    shared = ["KEHU_REFUND_LIMITS", "KEHU_GATEWAY_PORT", "KEHU_SUITE", "kehu_log_level", "KEHU_FLAVOUR"]
    assert unknown(shared, ["flavour"]) == {}


def test_a_process_warns_of_each_name_that_nothing_reads_and_starts() -> None:
    script = (
        "from kit.settings import Settings, load; from kit.telemetry import configure_logs, tell_settings;"
        "configure_logs('orders', 'serve', 'warning'); tell_settings(load(Settings))"
    )
    environment = {"KEHU_DATABASE_URL": DATABASE, "KEHU_STATMENT_TIMEOUT_MS": "9000", "KEHU_KEYRING_FILE": "/k"}
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, env=os.environ | environment
    )
    (line,) = [json.loads(each) for each in done.stdout.splitlines()]
    assert (line["level"], line["message"]) == ("warning", "unknown setting")
    assert (line["setting"], line["meant"]) == ("KEHU_STATMENT_TIMEOUT_MS", "KEHU_STATEMENT_TIMEOUT_MS")
    assert "9000" not in done.stdout
