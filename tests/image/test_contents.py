"""What the checks of an image find, shown on images that break each rule."""

from typing import Any

import pytest

from deploy.image import base, contents, engine, packages, sbom
from deploy.image.contents import File
from deploy.local.problem import Problem

GOOD: dict[str, Any] = {
    "Config": {
        "User": "65532:65532",
        "Env": ["PATH=/opt/kehu/bin"],
        "Labels": {
            f"org.opencontainers.image.{name}": "x" for name in ("version", "revision", "created", "licenses", "title")
        },
    },
    "History": [{"created_by": "COPY /app"}],
}
FILES = [
    File("app/kit/cli.py", 0o644, 0, 1, "file"),
    File("tmp", 0o1777, 0, 0, "folder"),
    File("usr/bin/su", 0o4755, 0, 1, "file"),
]
BASE = [File("usr/bin/su", 0o4755, 0, 1, "file")]


def faults(files: list[File] | None = None, **config: Any) -> list[str]:
    image = {**GOOD, "Config": {**GOOD["Config"], **config}}
    return contents.faults(image, FILES + (files or []), base=BASE)


def test_an_image_that_keeps_the_rules_has_no_fault() -> None:
    assert faults() == []


@pytest.mark.parametrize("user", ["", "root", "0", "0:0", "kehu"])
def test_a_user_must_be_a_number_other_than_0(user: str) -> None:
    (fault,) = faults(User=user)
    assert "user" in fault


@pytest.mark.parametrize("told", ["KEHU_PASSWORD=x", "PIP_INDEX_URL=https://me:pw@index.example/simple", "api_key=1"])
def test_settings_tell_no_secret(told: str) -> None:
    (fault,) = faults(Env=[told])
    assert "secret" in fault


def test_no_step_tells_a_secret() -> None:
    image = {**GOOD, "History": [{"created_by": "RUN TOKEN=abc pip install"}]}
    (fault,) = contents.faults(image, FILES, base=BASE)
    assert "secret" in fault
    assert "abc" not in fault


def test_labels_are_there() -> None:
    assert len(faults(Labels=None)) == 5


def test_nothing_is_declared_writable() -> None:
    assert len(faults(Volumes={"/data": {}})) == 1


@pytest.mark.parametrize(
    ("path", "mode", "user", "word"),
    [
        ("app/raised", 0o4755, 0, "rights"),
        ("app/open.py", 0o666, 0, "everybody"),
        ("app/kit/own.py", 0o644, 65532, "belongs"),
        ("usr/bin/gcc-12", 0o755, 0, "compiler"),
        ("usr/bin/x86_64-linux-gnu-ld", 0o755, 0, "compiler"),
        ("root/.cache/pip/http/a", 0o644, 0, "left"),
        ("var/cache/apt/archives/a.deb", 0o644, 0, "left"),
        ("app/services/key.pem", 0o644, 0, "secret"),
    ],
)
def test_a_file_that_must_not_be_there_is_found(path: str, mode: int, user: int, word: str) -> None:
    (fault,) = faults([File(path, mode, user, 1, "file")])
    assert word in fault


def test_pips_settings_go_along_without_this_machines_files() -> None:
    listed = (
        ":env:.timeout='20'\n"
        "global.timeout='5'\n"
        "global.find-links='/opt/here https://wheels.example/'\n"
        "global.cert='/etc/ca.crt'\n"
    )
    text = packages.configuration(listed)
    assert text == "[global]\nfind-links = https://wheels.example/\ntimeout = 20\n"


@pytest.mark.parametrize("name", packages.SETTINGS)
def test_each_setting_by_which_pip_reaches_its_packages_goes_along(name: str) -> None:
    assert packages.configuration(f"global.{name}='there'\n") == f"[global]\n{name} = there\n"


def test_a_machine_without_settings_hands_over_nothing() -> None:
    assert packages.configuration("") == ""


def test_the_mirror_is_the_one_of_the_suite_itself() -> None:
    listed = (
        "Debian Debian bookworm-updates main http://updates.example/\n"
        "Debian Debian-Security bookworm-security main http://security.example/\n"
        "Debian Debian bookworm main http://debian.example/\n"
    )
    assert base.chosen(listed) == "http://debian.example/"
    with pytest.raises(Problem, match="no source"):
        base.chosen("Ubuntu Ubuntu noble main http://ubuntu.example/")


def test_installed_packages_are_read_from_dpkg() -> None:
    status = (
        "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9+deb12u14\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n"
    )
    (fields,) = sbom.paragraphs(status)
    part = sbom.component(fields)
    assert part["purl"] == "pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?arch=amd64"


def test_the_lock_names_the_packages_that_a_bill_must_list() -> None:
    locked = sbom.locked()
    assert {"grpcio", "sqlalchemy", "path-py", "pydantic-core"} <= set(locked)
    bill = {"components": [{"name": "Path.py", "version": "1", "purl": "pkg:pypi/path.py@1"}]}
    assert sbom.packages(bill, "pypi") == {"path-py": "1"}
    assert sbom.packages(bill, "deb") == {}


def test_without_an_engine_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(Problem, match="there is no docker; there is no podman"):
        engine.find()
