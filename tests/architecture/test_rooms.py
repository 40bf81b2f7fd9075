"""The house at a glance: four services of one shape, and nothing that import-linter can't see."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from google.protobuf import descriptor_pool

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("members", "orders", "pipeline", "campaigns")
ROOMS = {
    "README.md", "__init__.py", "__main__.py", "config.py", "domain", "storage", "migrations", "api", "publish.py",
    "consumer.py", "server.py", "worker.py", "metrics.py",
}  # fmt: skip
OPTIONAL = {"commands.py", "providers"}
USECASES = {"usecases", "usecases.py"}


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_rooms(service: str) -> None:
    found = {path.name for path in (ROOT / "services" / service).iterdir()} - {"__pycache__"}
    assert found - USECASES - OPTIONAL == ROOMS
    assert len(found & USECASES) == 1


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    ("role", "strangers"),
    [
        ("worker", ["grpc"]),
        ("consumer", ["grpc", "nameko", "eventlet"]),
        ("server", ["nameko", "eventlet", "psycopg2"]),
    ],
)
def test_a_role_never_loads_the_other_roles_runtime(service: str, role: str, strangers: list[str]) -> None:
    script = (
        f"import sys, services.{service}.{role}; "
        f"found = [name for name in {strangers!r} if name in sys.modules]; sys.exit(', '.join(found) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr


def test_the_relay_never_loads_grpc_or_eventlet() -> None:
    script = "import sys, kit.relay; sys.exit(', '.join({'grpc', 'nameko', 'eventlet'} & set(sys.modules)) or 0)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_every_reason_that_the_domain_gives_stands_in_the_proto(service: str) -> None:
    import_module(f"kehu.{service}.v1.errors_pb2")
    import_module("kehu.errors.v1.errors_pb2")
    pool = descriptor_pool.Default()
    known = {
        value.name.removeprefix("ERROR_REASON_")
        for package in (service, "errors")
        for value in pool.FindEnumTypeByName(f"kehu.{package}.v1.ErrorReason").values
    }
    assert reasons_in(ROOT / "services" / service) - known == set()


def reasons_in(folder: Path) -> set[str]:
    """The literal second argument of each `Fault(...)`."""
    import ast

    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Fault" and len(node.args) > 1:
                reason = node.args[1]
                assert isinstance(reason, ast.Constant | ast.Name), f"{path}: a reason is a literal"
                if isinstance(reason, ast.Constant):
                    found.add(str(reason.value))
    return found


def test_every_amount_of_a_request_is_read_by_the_one_reader_that_knows_the_currencies() -> None:
    reading = {
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in ROOT.glob("services/*/api/**/*.py")
        for line in path.read_text("utf-8").splitlines()
        if ".nanos" in line and "ttl.nanos" not in line  # a duration has nanos, too
    }
    assert not reading, "read it with kit.rpc.convert.money: else events name currencies that no consumer knows"


def test_the_provider_server_shares_no_code_with_the_adapters_that_it_checks() -> None:
    sources = [path.read_text() for path in (ROOT / "tools" / "providers").glob("*.py")]
    assert sources
    assert not [source for source in sources if "import services" in source or "from services" in source]
    assert not [source for source in sources if "import kit" in source or "from kit" in source]
