"""The keyring that tests seal personal data with."""

from __future__ import annotations

from kit.vault import Keyring, Vault

KEYRING = Keyring("tests", {"tests": b"a master key of the tests, in 32"}, b"a lookup key of the tests, in 32")
VAULT = Vault(KEYRING)
