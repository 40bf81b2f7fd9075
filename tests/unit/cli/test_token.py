from datetime import timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from cli.main import build
from cli.token import duration
from kit.rpc import Verifier


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEHU_RUN_FOLDER", str(tmp_path))
    return tmp_path


def token(*arguments: str) -> Result:
    return CliRunner().invoke(build("token"), ["token", *arguments])


def test_without_a_word_the_token_is_a_developers_who_may_do_everything(folder: Path) -> None:
    printed = token().output.strip()

    caller = Verifier.from_file(str(folder / "keys" / "jwks.json")).verify(f"Bearer {printed}")
    assert (caller.subject, caller.roles, caller.org) == ("dev", ("admin",), "")


def test_a_token_carries_what_is_asked_for(folder: Path) -> None:
    printed = token("--role", "clerk", "--role", "viewer", "--org", "/east", "--subject", "ada", "--ttl", "7d").output

    caller = Verifier.from_file(str(folder / "keys" / "jwks.json")).verify(f"Bearer {printed.strip()}")
    assert (caller.subject, caller.roles, caller.org) == ("ada", ("clerk", "viewer"), "/east")


def test_a_role_that_is_none_is_explained(folder: Path) -> None:
    answer = token("--role", "clark")

    assert answer.exit_code == 2
    assert "clerk" in answer.output


def test_a_time_that_is_none_is_explained(folder: Path) -> None:
    answer = token("--ttl", "soon")

    assert answer.exit_code == 2
    assert "for example 12h" in answer.output


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("12h", timedelta(hours=12)),
        ("7d", timedelta(days=7)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, meaning: timedelta) -> None:
    assert duration(text) == meaning


@pytest.mark.parametrize("text", ["", "12", "h", "0h", "-1h", "1.5h", "1w", "9999999d"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        duration(text)
