import pytest
from typer.testing import CliRunner

from cli.main import COMMANDS, build


def test_help_names_every_command() -> None:
    said = CliRunner().invoke(build(None), ["--help"]).output

    assert all(name in said for name in COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(name: str) -> None:
    said = CliRunner().invoke(build(name), [name, "--help"])

    assert said.exit_code == 0
    assert f"{name} [OPTIONS]" in said.output


def test_an_unknown_command_is_refused() -> None:
    assert CliRunner().invoke(build("sell"), ["sell"]).exit_code == 2
