"""`kehu verify statement`: what it reads, what it finds, and its exit status."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner, Result

from cli.main import build
from kit.proof import hash_of
from kit.signing import Signer
from services.members.domain.verification import Check, Kind, Verification, check
from tests.support.builders.members import MEMBER, NOW

RIGHT = check(Kind.BALANCE, "members/1/points/available", 10, 10)
WRONG = check(Kind.BALANCE, "members/1/points/available", 10, 11)


def signer() -> Signer:
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Signer(pem.decode())


SIGNER = signer()
Verify = Callable[[str], Result]


@pytest.fixture
def verify(tmp_path: Path) -> Verify:
    """Run the command on a file of this text."""
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"jwks": json.dumps({"keys": [SIGNER.public_jwk]})}))

    def run(text: str) -> Result:
        (tmp_path / "file").write_text(text)
        return CliRunner().invoke(build("verify"), ["verify", "statement", str(tmp_path / "file"), "--keys", str(keys)])

    return run


def chain(*found: Check, member: UUID = MEMBER) -> list[str]:
    """Consecutive statements, with one check each."""
    payloads: list[str] = []
    for number, each in enumerate(found, 1):
        before = {"previous": hash_of(payloads[-1])} if payloads else {}
        payloads.append(Verification(member, number, NOW, 1, [each], **before).payload())
    return payloads


def signed(*payloads: str, by: Signer = SIGNER) -> str:
    """An answer of ListVerifications, the newest first."""
    return json.dumps({"verifications": [{"jws": by.sign(payload)} for payload in reversed(payloads)]})


def test_statements_that_follow_each_other_are_right(verify: Verify) -> None:
    result = verify(signed(*chain(RIGHT, RIGHT, RIGHT)))
    assert (result.exit_code, result.output) == (0, "3 statements: the signatures hold.\n")


def test_one_statement_and_bare_signatures_are_read_too(verify: Verify) -> None:
    payloads = chain(RIGHT, RIGHT)
    assert verify(json.dumps({"jws": SIGNER.sign(payloads[0])})).exit_code == 0
    assert verify("\n".join(map(SIGNER.sign, payloads))).exit_code == 0


def test_chains_of_several_members_stand_beside_each_other(verify: Verify) -> None:
    others = chain(RIGHT, RIGHT, member=UUID(int=5))
    assert verify(signed(*chain(RIGHT, RIGHT), *others)).exit_code == 0


def test_differences_that_a_statement_found_are_told(verify: Verify) -> None:
    result = verify(signed(*chain(RIGHT, WRONG)))
    assert result.exit_code == 1
    assert f"members/{MEMBER}/verifications/2 found differences" in result.output


def test_a_statement_that_was_taken_away_is_missed(verify: Verify) -> None:
    first, _, third = chain(RIGHT, RIGHT, RIGHT)
    result = verify(signed(first, third))
    assert result.exit_code == 1
    assert "does not follow" in result.output


def test_a_statement_that_contradicts_itself_is_found(verify: Verify) -> None:
    (payload,) = chain(WRONG)
    result = verify(signed(payload.replace('"ok":false', '"ok":true')))
    assert result.exit_code == 1
    assert "says otherwise than its checks" in result.output


def test_what_another_signed_is_refused(verify: Verify) -> None:
    result = verify(signed(*chain(RIGHT), by=signer()))
    assert result.exit_code == 1
    assert "not verified" in result.output


@pytest.mark.parametrize("text", ["", "{", "{}", "nothing", '{"verifications": [{}]}'])
def test_what_holds_no_statement_proves_nothing(verify: Verify, text: str) -> None:
    result = verify(text)
    assert result.exit_code == 1
    assert "not verified" in result.output
