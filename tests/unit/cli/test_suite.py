from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import build


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEHU_RUN_FOLDER", str(tmp_path / "run"))
    return tmp_path / "run"


def kehu(*arguments: str) -> Result:
    return CliRunner().invoke(build(arguments[0]), arguments)


def test_the_status_of_nothing_is_a_sentence() -> None:
    answer = kehu("status", "--json")

    assert (answer.exit_code, answer.stderr) == (1, "Nothing runs; `kehu up` starts the suite.\n")


def test_stopping_nothing_is_no_mistake() -> None:
    answer = kehu("down")

    assert (answer.exit_code, answer.stdout) == (0, "Nothing runs.\n")


def test_looking_leaves_nothing_behind(folder: Path) -> None:
    kehu("status")
    kehu("down")

    assert not folder.exists()


def test_a_port_that_is_none_ends_the_start_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEHU_GATEWAY_PORT", "70000")

    answer = kehu("up")

    assert answer.exit_code == 1
    assert answer.stderr.startswith("These settings can't be used: KEHU_GATEWAY_PORT: ")
