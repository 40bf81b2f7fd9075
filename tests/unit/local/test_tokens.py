import stat
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.local import tokens
from deploy.local.keys import Keys
from kit.errors import Fault
from kit.rpc import Tokens, Verifier


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    made = Keys(tmp_path / "keys")
    made.make()
    return made


def token(keys: Keys, ttl: timedelta = timedelta(hours=1)) -> str:
    return tokens.issue(keys.issuer, subject="ada", roles=["clerk"], org="/east", ttl=ttl)


def test_a_development_token_says_who_calls_and_from_where(keys: Keys) -> None:
    caller = Verifier.from_file(str(keys.jwks)).verify(f"Bearer {token(keys)}")

    assert (caller.subject, caller.roles, caller.org) == ("ada", ("clerk",), "/east")


def test_a_token_of_a_service_is_accepted_too(keys: Keys) -> None:
    own = Tokens.from_file(str(keys.service)).for_service("orders")

    assert Verifier.from_file(str(keys.jwks)).verify(f"Bearer {own}").subject == "service:orders"


def test_an_expired_token_is_refused(keys: Keys) -> None:
    with pytest.raises(Fault, match="expired"):
        Verifier.from_file(str(keys.jwks)).verify(f"Bearer {token(keys, ttl=timedelta(minutes=-5))}")


def test_keys_are_made_once(keys: Keys) -> None:
    before = keys.jwks.read_text()
    keys.make()

    assert keys.jwks.read_text() == before


def test_only_the_owner_reads_private_keys(keys: Keys) -> None:
    assert {stat.S_IMODE(path.stat().st_mode) for path in (keys.issuer, keys.service)} == {0o600}
