"""The bill of materials of an image (CycloneDX): its Python packages and the Debian packages of its base."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from deploy.image import contents
from deploy.image.engine import Engine
from deploy.local.folder import PROJECT
from deploy.local.problem import Problem

LOCK = PROJECT / "requirements" / "base.txt"
_SPEC = "1.6"
_ENVIRONMENT = "/opt/kehu/lib/."
_DEBIAN = "/var/lib/dpkg/status"


def write(engine: Engine, reference: str, path: Path) -> dict[str, Any]:
    """Write the bill of an image to `path`, checked against CycloneDX's schema, and answer it."""
    with TemporaryDirectory(prefix="kehu-sbom-") as folder:
        place = Path(folder)
        bill = _python(engine, reference, place)
        contents.copy(engine, reference, _DEBIAN, place / "status")
        system = [component(fields) for fields in paragraphs((place / "status").read_text())]
    bill["components"] += system
    bill["metadata"]["component"] = _subject(engine.image(reference))
    # What depends on what is known of the Python packages only, among themselves.
    bill["dependencies"] = [entry for entry in bill["dependencies"] if entry["ref"] != "root-component"]
    text = json.dumps(bill, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    _validate(text)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return bill


def packages(bill: Mapping[str, Any], kind: str) -> dict[str, str]:
    """Versions by name of the packages of one kind (`pypi` or `deb`) in a bill."""
    wanted = [part for part in bill["components"] if part.get("purl", "").startswith(f"pkg:{kind}/")]
    return {_normal(part["name"]) if kind == "pypi" else part["name"]: part["version"] for part in wanted}


def locked() -> dict[str, str]:
    """Versions by name in the lock file that the image is built from."""
    pins = re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==([\w.+!-]+)", LOCK.read_text(), re.MULTILINE)
    return {_normal(name): version for name, version in pins}


def component(fields: Mapping[str, str]) -> dict[str, Any]:
    """A Debian package as CycloneDX tells it."""
    name, version, architecture = fields["Package"], fields["Version"], fields["Architecture"]
    purl = f"pkg:deb/debian/{name}@{quote(version, safe='~')}?arch={architecture}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def paragraphs(status: str) -> Iterator[dict[str, str]]:
    """The installed packages in the file that dpkg keeps."""
    for paragraph in status.split("\n\n"):
        pairs = (line.partition(": ") for line in paragraph.splitlines() if line[:1].isalpha())
        fields = {name: value for name, _, value in pairs}
        if fields.get("Status", "").endswith(" installed"):
            yield fields


def _normal(name: str) -> str:
    """A name as Python's index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _python(engine: Engine, reference: str, place: Path) -> dict[str, Any]:
    """The bill of the image's environment: its packages, laid into an empty environment of this machine."""
    contents.copy(engine, reference, _ENVIRONMENT, place / "lib")
    (packages_there,) = (place / "lib").glob("python3*/site-packages")
    venv.create(place / "venv", with_pip=False, symlinks=True)
    (empty,) = (place / "venv" / "lib").glob("python3*/site-packages")
    empty.rmdir()
    packages_there.rename(empty)
    tool = str(Path(sys.executable).with_name("cyclonedx-py"))
    made = place / "bill.json"
    command = [tool, "environment", str(place / "venv"), "--sv", _SPEC, "--output-reproducible", "-o", str(made)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Problem(f"cyclonedx-py could not list the packages of {reference}: {done.stderr.strip()}")
    bill: dict[str, Any] = json.loads(made.read_text())
    bill.setdefault("metadata", {})
    bill.setdefault("dependencies", [])
    return bill


def _subject(image: Mapping[str, Any]) -> dict[str, Any]:
    labels = image["Config"]["Labels"]
    return {
        "type": "container",
        "name": "kehu",
        "version": labels["org.opencontainers.image.version"],
        "licenses": [{"license": {"id": "Apache-2.0"}}],
        "properties": [
            {"name": "kehu:revision", "value": labels["org.opencontainers.image.revision"]},
            {"name": "kehu:image", "value": image["Id"]},
        ],
    }


def _validate(text: str) -> None:
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong is not None:
        raise Problem(f"The bill of materials does not follow CycloneDX {_SPEC}: {wrong.data.message}")
