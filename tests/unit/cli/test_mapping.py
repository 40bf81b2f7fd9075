"""Mappings: shipped ones, own ones, and those that can't be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.importing import mapping
from cli.importing.problem import Exit, ImportProblem

MINIMAL = """
channel = "shop"
currency = "CNY"
[columns]
time = "date"
quantity = "qty"
amount = "paid"
"""


@pytest.mark.parametrize("name", ["cdnow", "generic", "online-retail"])
def test_every_shipped_mapping_can_be_used(name: str) -> None:
    assert name in mapping.shipped()
    assert mapping.load(name).channel == name


def test_a_small_file_is_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(MINIMAL)
    found = mapping.load(str(path))
    assert found.columns.time == ("date",)
    assert found.time.zone == "UTC"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("[columns]", "[columns"), "is no TOML"),
        (('channel = "shop"', 'channel = "My Shop"'), "channel"),
        (('currency = "CNY"', 'currency = "yuan"'), "currency"),
        (('amount = "paid"', ""), "`amount`, `unit_price`"),
        (('amount = "paid"', 'amount = "paid"\noptional = ["colour"]'), "colour"),
        (('amount = "paid"', 'amount = "paid"\ncolour = "c"'), "colour"),
        (('amount = "paid"', 'amount = "paid"\n[time]\nzone = "Mars/Base"'), "Mars/Base"),
        (('amount = "paid"', 'amount = "paid"\n[time]\nzone = "../etc"'), "zone"),
        (('amount = "paid"', 'amount = "paid"\n[numbers]\ndecimal = ","\nthousands = ","'), "must differ"),
        (('amount = "paid"', 'amount = "paid"\n[orders]\ncancellation = "C("'), "regular expression"),
        (('quantity = "qty"', "quantity = 0"), "quantity"),
    ],
)
def test_a_mapping_that_can_not_be_used_says_why(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(MINIMAL.replace(*change))
    with pytest.raises(ImportProblem) as caught:
        mapping.load(str(path))
    assert told in str(caught.value)
    assert caught.value.exit_status is Exit.USAGE


def test_an_unknown_mapping_names_the_shipped_ones() -> None:
    with pytest.raises(ImportProblem) as caught:
        mapping.load("cdwow")
    assert "cdnow, generic, online-retail" in str(caught.value)
