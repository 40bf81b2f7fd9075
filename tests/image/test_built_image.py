"""The image itself, built on a base of Debian's packages: what is in it, and that its processes run and end in it."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from deploy.image import base, build, contents, sbom
from deploy.image.engine import Engine, find
from deploy.local import ports
from deploy.local.folder import SERVICES
from tests.support.rpc import Keys
from tests.support.waiting import until

pytestmark = [pytest.mark.image, pytest.mark.timeout(2400)]

_PATIENCE = 120.0


@pytest.fixture(scope="module")
def engine() -> Engine:
    return find()


@pytest.fixture(scope="module")
def image(engine: Engine) -> str:
    bases = base.make(engine)
    return build.build(engine, build.here(version="test", base=bases.runs, build_base=bases.builds))


@pytest.fixture(scope="module")
def files(engine: Engine, image: str) -> list[contents.File]:
    return contents.files(engine, image)


@pytest.fixture
def run(engine: Engine, image: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command in a container as the chart does: nothing can be written, no right is left, no network."""

    def in_container(*command: str) -> subprocess.CompletedProcess[str]:
        hardened = ["--rm", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=none"]
        whole = [*engine.command, "run", *engine.run_options, *hardened, image, *command]
        return subprocess.run(whole, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    return in_container


def test_nothing_is_in_it_that_must_not_be(engine: Engine, image: str, files: list[contents.File]) -> None:
    assert contents.faults(engine.image(image), files, base=contents.files(engine, base.RUNS)) == []


def test_it_is_small(engine: Engine, image: str, files: list[contents.File]) -> None:
    ours = sum(file.size for file in files if file.path.startswith(("app/", "opt/kehu/"))) / 1e6
    whole = engine.image(image)["Size"] / 1e6
    print(f"\nimage {whole:.0f} MB, of which Kehu and its packages {ours:.0f} MB")
    assert ours < 260


def test_its_labels_tell_what_it_was_built_from(engine: Engine, image: str) -> None:
    labels = engine.image(image)["Config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == "test"
    assert re.fullmatch(r"[0-9a-f]{40}(-changed)?", labels["org.opencontainers.image.revision"])


def test_its_bill_lists_every_package_that_is_locked_and_no_other(engine: Engine, image: str, tmp_path: Path) -> None:
    bill = sbom.write(engine, image, tmp_path / "bill.cdx.json")
    assert sbom.packages(bill, "pypi") == sbom.locked()
    assert {"libc6", "python3.11-minimal"} <= set(sbom.packages(bill, "deb"))
    assert bill["metadata"]["component"]["version"] == "test"


def test_it_runs_as_a_user_without_rights_who_can_write_nothing(
    run: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = run("sh", "-c", "id -u; touch /app/kit/new || touch /opt/kehu/new || echo nothing written")
    assert done.stdout.split("\n")[:2] == ["10001", "nothing written"]


def test_it_has_no_pip_of_its_own(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run("python", "-m", "pip", "--version")
    assert done.returncode != 0
    assert "No module named pip" in done.stderr


def test_without_a_command_it_says_which_roles_there_are(
    run: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    assert "serve|consume|relay|migrate" in run().stderr


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_without_settings_says_which_it_lacks(
    service: str, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = run("python", "-m", f"services.{service}", "serve")
    assert done.returncode == 1
    assert "KEHU_DATABASE_URL: Field required" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def start(engine: Engine, image: str, keys: Keys) -> Iterator[Callable[..., str]]:
    """`start(service, database_url, port)`: a container that serves; it may read the keys of the tests and no more."""
    started: list[str] = []

    def run(service: str, database_url: str, port: int) -> str:
        folder = keys.jwks_file.parent
        for path in (folder, *folder.iterdir()):
            path.chmod(0o755)
        settings = {
            "DATABASE_URL": database_url,
            "GRPC_ADDRESS": f"127.0.0.1:{port}",
            "JWKS_FILE": "/keys/jwks.json",
            "SERVICE_KEY_FILE": "/keys/service.pem",
            "KEYRING_FILE": "/keys/keyring.json",
            "PAGE_TOKEN_KEY": "a key of the tests",
            "DRAIN_SECONDS": "1",
        }
        given = [part for name, value in settings.items() for part in ("--env", f"KEHU_{name}={value}")]
        hardened = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--tmpfs=/tmp"]
        options = [*engine.run_options, *hardened, "--network=host", f"--volume={folder}:/keys:ro", *given]
        container = engine.run("run", "--detach", *options, image, "python", "-m", f"services.{service}", "serve")
        started.append(container.strip().splitlines()[-1])
        return started[-1]

    yield run
    for container in started:
        engine.run("rm", "--force", "--volumes", container)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_serves_in_it_and_drains_when_it_is_told_to_stop(
    service: str, engine: Engine, migrated: Callable[[str], str], start: Callable[..., str]
) -> None:
    (port,) = ports.free(1)
    container = start(service, migrated(service), port)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        until(lambda: _serving(channel), within=_PATIENCE, what=f"{service} serving in a container")
        began = time.monotonic()
        engine.run("kill", "--signal", "TERM", container)
        until(lambda: not _serving(channel), within=_PATIENCE, what="health says so while it drains")
    status = engine.run("wait", container).strip()
    assert status == "0"
    log = engine.run("logs", container)
    assert '"draining"' in log
    assert '"stopped"' in log
    assert time.monotonic() - began >= 1, "it took no time to drain"


def _serving(channel: grpc.Channel) -> bool:
    ask = health_pb2_grpc.HealthStub(channel).Check
    try:
        answer = ask(health_pb2.HealthCheckRequest(), timeout=5, wait_for_ready=False)
    except grpc.RpcError:
        return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
