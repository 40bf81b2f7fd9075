"""`kehu import` as it is called: what it prints, what it leaves, and its exit status."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import build
from tests.component.cli.services import TOKEN, Services, served
from tests.support.waiting import until

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples" / "import"


def kehu(*arguments: str | Path, state: Path) -> Result:
    """Run `kehu import`."""
    return CliRunner().invoke(build("import"), ["import", *map(str, arguments), "--state", str(state)])


def rejected(state: Path) -> list[tuple[str, str]]:
    with (state / "rejected.csv").open(newline="") as file:
        return [(row["line"], row["reason"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    ("file", "mapping", "accepted", "reasons"),
    [
        ("orders.csv", "generic", "5", [("5", "ORDER_CANCELLED"), ("8", "TIME_INVALID")]),
        ("kasse.txt", str(EXAMPLES / "kasse.toml"), "2", [("5", "QUANTITY_FRACTIONAL")]),
    ],
)
def test_the_examples_are_judged_without_a_gateway(
    tmp_path: Path, file: str, mapping: str, accepted: str, reasons: list[tuple[str, str]]
) -> None:
    result = kehu(EXAMPLES / file, "--mapping", mapping, "--check", state=tmp_path)
    assert result.exit_code == 0, result.output
    assert f"rows accepted │ {accepted}" in " ".join(result.output.split())
    assert rejected(tmp_path) == reasons


def test_an_import_ends_with_its_account(tmp_path: Path) -> None:
    services = Services()
    with served(services) as address:
        arguments = (EXAMPLES / "orders.csv", "--mapping", "generic", "--gateway", address, "--token", TOKEN)
        first, second = kehu(*arguments, state=tmp_path), kehu(*arguments, state=tmp_path)
    assert first.exit_code == second.exit_code == 0, first.output
    assert "3 new, 0 known" in first.output
    assert "0 new, 3 known" in second.output
    assert "1117.30 USD" in first.output
    assert services.orders["generic", "1004"].lines[0].quantity == 4
    assert services.orders["generic", "1002"].member == ""


def test_each_kind_of_failure_has_its_exit_status(tmp_path: Path) -> None:
    orders = EXAMPLES / "orders.csv"
    nobody = ("--gateway", "127.0.0.1:1", "--patience", "0")
    assert kehu(orders, "--mapping", "nonsense", state=tmp_path).exit_code == 2
    assert kehu(tmp_path / "missing.csv", "--mapping", "generic", state=tmp_path).exit_code == 3
    assert kehu(orders, "--mapping", "cdnow", state=tmp_path).exit_code == 3
    assert kehu(orders, "--mapping", "generic", *nobody, state=tmp_path).exit_code == 5
    with served(Services()) as address:
        refused = kehu(orders, "--mapping", "generic", "--gateway", address, "--token", "bad", state=tmp_path)
    assert refused.exit_code == 4
    assert "kehu token" in refused.output


def test_a_state_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = kehu(EXAMPLES / "orders.csv", "--mapping", "generic", "--check", state=tmp_path / "file")
    assert result.exit_code == 2
    assert "can't be written" in result.output


def test_a_killed_program_goes_on_where_it_stopped(tmp_path: Path) -> None:
    services = Services()
    services.delay = 0.05
    rows = "".join(f"{n},2024-05-01,1,{n % 90}.50\n" for n in range(20_000))
    (tmp_path / "orders.csv").write_text(f"order_id,date,quantity,price\n{rows}")
    with served(services) as address:
        command = [sys.executable, "-m", "cli.main", "import", str(tmp_path / "orders.csv"), "--mapping", "generic"]
        command += ["--gateway", address, "--token", TOKEN, "--state", str(tmp_path / "state")]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT) as killed:
            until(lambda: len(services.orders) >= 5_000, what="5,000 orders")
            killed.kill()
        sent, before = services.calls["ImportOrders"], len(services.orders)
        again = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert again.returncode == 0, again.stderr
    assert before < len(services.orders) == 20_000
    assert services.calls["ImportOrders"] - sent < 40
    assert not (tmp_path / "state" / "state.jsonl").exists()
