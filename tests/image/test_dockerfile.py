"""What the Dockerfile promises, read from its text: these run everywhere, no image is built."""

import re

from deploy.image import build, packages
from deploy.local.folder import PROJECT

TEXT = (PROJECT / "Dockerfile").read_text()
STAGES = re.split(r"(?m)^FROM ", TEXT)[1:]
FINAL = STAGES[-1]
IGNORED = (PROJECT / ".dockerignore").read_text().splitlines()


def test_the_base_is_an_argument_and_names_one_version_of_python() -> None:
    assert STAGES[0].startswith("${BUILD_IMAGE} AS build")
    assert FINAL.startswith("${BASE_IMAGE}\n")
    assert re.search(r"python:3\.1[1-9]-slim", build.default_base())


def test_packages_come_from_the_lock_with_hashes_and_as_wheels_only() -> None:
    install = STAGES[0].replace("\\\n", " ")
    (line,) = [line for line in install.splitlines() if "-m pip" in line]
    for option in (
        "--require-hashes",
        "--only-binary=:all:",
        "--no-deps",
        "--no-cache-dir",
        "-r /build/requirements.txt",
    ):
        assert option in line
    assert "COPY requirements/base.txt /build/requirements.txt" in STAGES[0]


def test_no_address_of_an_index_or_mirror_stands_in_it() -> None:
    assert not re.search("|".join([r"https?://", "apt-get", *packages.SETTINGS]), TEXT)


def test_how_pip_reaches_its_index_is_a_secret_of_the_one_step_that_needs_it() -> None:
    assert "--mount=type=secret,id=pip.conf" in STAGES[0]
    assert "secret" not in FINAL
    assert not re.search(r"(?i)^(ARG|ENV) .*(password|token|secret|index)", TEXT, re.MULTILINE)


def test_the_last_stage_runs_nothing_and_copies_only_what_was_built() -> None:
    assert not re.search(r"(?m)^RUN ", FINAL)
    assert re.findall(r"(?m)^COPY (.*)$", FINAL) == ["--from=build /opt/kehu /opt/kehu", "--from=build /app /app"]


def test_it_runs_as_a_number_that_is_not_root() -> None:
    (user,) = re.findall(r"(?m)^USER (.*)$", FINAL)
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


def test_it_is_labelled_with_what_it_was_built_from() -> None:
    for label, argument in (("version", "VERSION"), ("revision", "REVISION"), ("created", "CREATED")):
        assert f'org.opencontainers.image.{label}="${{{argument}}}"' in FINAL
        assert re.search(rf"(?m)^ARG {argument}=", FINAL)


def test_the_builder_is_sent_only_what_the_image_is_made_of() -> None:
    assert "*" in IGNORED
    allowed = {line.removeprefix("!") for line in IGNORED if line.startswith("!")}
    copied = set(re.findall(r"(?m)^COPY (?!--from)(\S+) ", TEXT))
    assert allowed == copied


def test_the_recipe_names_the_revision_and_when_it_was_committed() -> None:
    recipe = build.here(version="1.2.3", base="base:1")
    options = recipe.options()
    assert "VERSION=1.2.3" in options
    assert "BASE_IMAGE=base:1" in options
    assert not any(option.startswith("BUILD_IMAGE=") for option in options)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", recipe.created)
    assert recipe.reference == "localhost/kehu:1.2.3"
