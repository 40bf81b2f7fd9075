from datetime import timedelta

import pytest
import typer

from cli.token import duration


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
