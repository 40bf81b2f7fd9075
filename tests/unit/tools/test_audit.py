"""The search for secrets and for licences that don't fit."""

from __future__ import annotations

import base64
import os

import pytest

from tools.audit import licences, secrets


def kinds(text: str) -> list[str]:
    return [finding.kind for finding in secrets.scan(text, "here")]


# Put together here, so that this file has none of them.
SECRETS = {
    "private key": "-----BEGIN " + "PRIVATE KEY-----\n" + base64.b64encode(b"x" * 60).decode(),
    "cloud key": "AKIA" + "Z7QK3M5N2P4R6S8T",
    "token of a forge": "ghp_" + "a1B2c3D4e5F6g7H8i9J0a1B2c3D4e5F6g7H8",
    "token of a registry": "pypi-" + "AgEIcHlwaS5vcmc" * 4,
    "chat token": "xoxb-" + "123456789012-abcdefghij",
    "JSON web token": "eyJhbGciOiJFUzI1NiJ9." + "eyJzdWIiOiJ4In0xx." + "c2lnbmF0dXJlLW9mLXRoYXQ",
    "password in an address": "postgresql://kehu:" + "Zk29sLq7xx@db/kehu",
    "assigned secret": "client_secret = " + '"9fK2mQ7xLp4RtV8sWz"',
}


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_is_found_by_its_shape(kind: str) -> None:
    assert kinds(f"before {SECRETS[kind]} after") == [kind]


@pytest.mark.parametrize(
    "text",
    [
        'password: str = Field("", description="x")',
        "postgresql://role:{password}@host",
        'secret_name = "aaaaaaaaaaaaaaaa"',
        "https://example.com:8443/path@x",
        "KEHU_SERVICE_KEY_FILE=/run/keys/service.pem",
    ],
)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert kinds(text) == []


def test_a_finding_does_not_repeat_the_secret() -> None:
    (finding,) = secrets.scan(SECRETS["assigned secret"], "here")

    assert "9fK2mQ7xLp4RtV8sWz" not in str(finding)
    assert finding.fingerprint in str(finding)


def test_random_text_has_more_entropy_than_words() -> None:
    assert secrets.entropy(base64.b64encode(os.urandom(30)).decode()) > 3.5 > secrets.entropy("password")


@pytest.mark.parametrize(
    "said",
    [
        "MIT",
        "BSD-3-Clause",
        "Apache Software License",
        "MPL-2.0",
        "LGPL-3.0-or-later",
        "GNU Library or Lesser General Public License (LGPL)",
        ["MIT", "GPL-2.0-only"][0],
    ],
)
def test_a_free_licence_fits(said: str) -> None:
    assert licences.fits(said)


@pytest.mark.parametrize(
    "said", ["", "GPL-3.0-only", "AGPL-3.0", "GNU General Public License v3 (GPLv3)", "SSPL-1.0", "Proprietary"]
)
def test_another_licence_does_not(said: str) -> None:
    assert not licences.fits(said)


def test_what_runs_in_production_is_free() -> None:
    assert list(licences.findings()) == []
