from pathlib import Path

import pytest

from deploy.local import options
from deploy.local.problem import Problem


def test_without_a_word_the_gateway_is_on_8080_and_all_else_in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KEHU_GATEWAY_PORT", raising=False)
    monkeypatch.delenv("KEHU_RUN_FOLDER", raising=False)

    chosen = options.read()

    assert chosen.gateway_port == 8080
    assert chosen.folder.root == Path(__file__).parents[3] / ".run"


def test_a_setting_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEHU_GATEWAY_PORT", "eighty")

    with pytest.raises(Problem, match="KEHU_GATEWAY_PORT: "):
        options.read()


def test_an_empty_setting_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEHU_GATEWAY_PORT", "")

    assert options.read().gateway_port == 8080


def test_a_name_that_nothing_reads_is_refused_with_the_one_that_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEHU_GATWAY_PORT", "8081")
    monkeypatch.setenv("KEHU_REFUND_LIMITS", "{}")

    with pytest.raises(Problem, match=r"these settings: KEHU_GATWAY_PORT, perhaps KEHU_GATEWAY_PORT is meant\."):
        options.read()
