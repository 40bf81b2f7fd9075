"""docs/install.md: its commands are run from the first to the last, with a cluster that only listens."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.signing import public_jwk
from kit.vault import Keyring
from tools.chart import helm
from tools.chart.helm import CHART, PROJECT

pytestmark = pytest.mark.chart

PAGE = (PROJECT / "docs" / "install.md").read_text()
# Everything that needs no cluster is the real thing. The rest is written down.
SHIMS = {
    "make": 'echo "make $*" >> told',
    "kubectl": """case $1 in
create) exec {kubectl} "$@" --dry-run=client --output=yaml ;;
*) echo "kubectl $*" >> told ;;
esac""",
    "helm": """case $1 in
upgrade) shift 2; exec {helm} template "$@" ;;
*) echo "helm $*" >> told ;;
esac""",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all commands of the page were run; what each block printed lies in 0.out, 1.out and so on."""
    folder = tmp_path_factory.mktemp("install")
    (folder / "bin").mkdir()
    for name, body in SHIMS.items():
        shim = folder / "bin" / name
        real = body.replace("{helm}", str(helm.program("helm"))).replace("{kubectl}", str(helm.program("kubectl")))
        shim.write_text(f"#!/bin/sh\n{real}\n")
        shim.chmod(0o755)
    for name in ("deploy", ".venv"):
        (folder / name).symlink_to(PROJECT / name)
    environment = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(PROJECT)}
    for number, block in enumerate(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)):
        done = subprocess.run(
            ["bash", "-euc", block], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{block}\n{done.stderr}"
        (folder / f"{number}.out").write_text(done.stdout)
    return folder


def test_the_keys_are_those_that_the_services_read(folder: Path) -> None:
    pem = (folder / "secrets" / "service.pem").read_text()
    assert json.loads((folder / "secrets" / "jwks.json").read_text()) == {"keys": [public_jwk(pem)]}
    assert Keyring.parse((folder / "secrets" / "keyring.json").read_text())
    assert (folder / "secrets" / "service.pem").stat().st_mode & 0o077 == 0


def test_the_secrets_have_every_key_that_the_chart_asks_for(folder: Path) -> None:
    secrets = {each["metadata"]["name"]: each["data"] for each in _split(folder / "2.out") if each["kind"] == "Secret"}
    keys = set(yaml.safe_load((CHART / "values.yaml").read_text())["secretKeys"].values())
    assert set(secrets) == {"kehu-jwks", *(f"kehu-{name}" for name in ("members", "orders", "campaigns", "pipeline"))}
    assert all(set(data) == keys for name, data in secrets.items() if name != "kehu-jwks")
    url = base64.b64decode(secrets["kehu-orders"]["database-url"]).decode()
    assert url == "postgresql://kehu_orders:PASSWORD@DATABASE:5432/kehu_orders"


def _split(file: Path) -> list[dict[str, Any]]:
    return [
        yaml.safe_load(part) for part in re.split(r"^(?=apiVersion: )", file.read_text(), flags=re.MULTILINE) if part
    ]


def test_the_values_of_the_page_render(folder: Path) -> None:
    found = [each for each in yaml.load_all((folder / "4.out").read_text(), yaml.CSafeLoader) if each]
    ingress = next(each for each in found if each["kind"] == "Ingress")
    assert ingress["spec"]["rules"][0]["host"] == "api.example"
    assert len([each for each in found if each["kind"] == "Deployment"]) == 13


def test_what_needs_a_cluster_is_all_that_was_not_run(folder: Path) -> None:
    assert (folder / "told").read_text().splitlines() == [
        "make image",
        "kubectl label namespace kehu pod-security.kubernetes.io/enforce=restricted",
        "helm test kehu --namespace kehu",
    ]


def test_it_is_one_page() -> None:
    assert len(PAGE.splitlines()) <= 120
