"""The vault: what is sealed is opened by its owner's key alone, and found again without being told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.vault import Box, Keyring, KeyringInvalid, Unreadable, Vault, WrappedKey, load

OWNER = b"members/1"
RING = Keyring.fresh()
VAULT = Vault(RING)


@given(st.binary(max_size=2000), st.binary(max_size=20))
def test_what_is_sealed_is_opened_again(text: bytes, purpose: bytes) -> None:
    box, stored = VAULT.create(OWNER)
    sealed = box.seal(text, purpose)
    assert VAULT.box(stored, OWNER).open(sealed, purpose) == text
    assert len(text) < 8 or text not in sealed


def test_the_same_text_is_never_sealed_the_same_way() -> None:
    box, _ = VAULT.create(OWNER)
    assert len({box.seal(b"text", b"") for _ in range(100)}) == 100


@given(st.data())
def test_a_changed_byte_is_noticed(data: st.DataObject) -> None:
    box, stored = VAULT.create(OWNER)
    for kept, opened in (
        (box.seal(b"Wang Fang", b"profile"), lambda changed: box.open(changed, b"profile")),
        (stored.wrapped, lambda changed: VAULT.box(WrappedKey(stored.key_id, changed), OWNER)),
    ):
        at = data.draw(st.integers(0, len(kept) - 1))
        changed = bytearray(kept)
        changed[at] ^= data.draw(st.integers(1, 255))
        with pytest.raises(Unreadable):
            opened(bytes(changed))
        with pytest.raises(Unreadable):
            opened(kept[:at])


def test_what_belongs_to_one_is_no_use_to_another() -> None:
    box, stored = VAULT.create(OWNER)
    sealed = box.seal(b"text", b"profile")
    with pytest.raises(Unreadable):
        VAULT.box(stored, b"members/2")
    with pytest.raises(Unreadable):
        box.open(sealed, b"another purpose")
    with pytest.raises(Unreadable):
        Box(b"\0" * 32, OWNER).open(sealed, b"profile")
    with pytest.raises(Unreadable):
        VAULT.create(OWNER)[0].open(sealed, b"profile")


def test_a_foreign_keyring_opens_nothing() -> None:
    _, stored = VAULT.create(OWNER)
    with pytest.raises(Unreadable):
        Vault(Keyring.fresh()).box(stored, OWNER)
    with pytest.raises(Unreadable, match="no key"):
        Vault(Keyring.fresh("2")).box(stored, OWNER)


def test_a_rotation_wraps_the_key_anew_and_touches_nothing_that_it_sealed() -> None:
    box, stored = VAULT.create(OWNER)
    sealed = box.seal(b"text", b"")
    after = RING.rotated("2")
    fresh = Vault(after).rewrapped(stored, OWNER)
    assert fresh.key_id == "2"
    without = Vault(Keyring("2", {"2": after.keys["2"]}, after.lookup))
    assert without.box(fresh, OWNER).open(sealed, b"") == b"text"
    with pytest.raises(Unreadable):
        without.box(stored, OWNER)


def test_a_hash_finds_equals_and_tells_nothing_without_the_key() -> None:
    assert VAULT.digest("phone", "", "+8613800138000") == VAULT.digest("phone", "", "+8613800138000")
    others = [("phone", "+8613800138000", ""), ("phone", "", "+8613800138001"), ("email", "", "+8613800138000")]
    assert VAULT.digest("phone", "", "+8613800138000") not in {VAULT.digest(*other) for other in others}
    assert VAULT.digest("a", "bc") != VAULT.digest("ab", "c")
    assert VAULT.digest("a") != Vault(Keyring.fresh()).digest("a")
    assert len(VAULT.digest("\ud800")) == 43


def test_the_hash_is_the_same_for_ever() -> None:
    """Stored hashes are compared with those of later releases."""
    vault = Vault(Keyring("1", {"1": b"k" * 32}, b"l" * 32))
    assert vault.digest("phone", "", "+8613800138000") == "e6EMvKXx-MZmjmLw39UMk6P_-fi3Lrz3jDcYxHgpxA4"


def test_a_keyring_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    path.write_text(RING.rotated("2").dump())
    assert Keyring.load(str(path)).primary == "2"
    assert load(str(path)).primary == "2"
    assert Keyring.parse(RING.dump()) == RING


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"primary": "1", "keys": {}, "lookup": ""}',
        '{"primary": 1, "keys": {"1": "AA=="}, "lookup": "?"}',
        '{"primary": "1", "keys": {"1": "AA=="}, "lookup": "AA=="}',
        '{"primary": "1", "keys": ["1"], "lookup": "AA=="}',
    ],
)
def test_what_is_no_keyring_is_refused(text: str) -> None:
    with pytest.raises(KeyringInvalid):
        Keyring.parse(text)


def test_the_key_of_hashes_can_be_replaced_while_both_are_known() -> None:
    both = RING.looked_up_anew("2")
    new = both.without_lookup("1")
    old, either, after = (Vault(ring).hashes("phone", "1") for ring in (RING, both, new))
    assert (either, old + after, len({*either})) == ([*old, *after], either, 2)
    assert [Vault(ring).lookups for ring in (RING, both, new)] == [["1"], ["1", "2"], ["2"]]
    assert {Vault(ring).digest("cart") for ring in (RING, both, new)} == {VAULT.digest("cart")}
    assert [Keyring.parse(ring.dump()) for ring in (both, new)] == [both, new]
    assert [*Keyring.parse(both.dump()).lookups] == ["1", "2"]
    assert both.rotated("next").lookups == both.lookups
    assert "lookups" not in RING.dump()


def test_the_first_key_of_hashes_is_that_of_before() -> None:
    stranger = Keyring.fresh().lookup
    with pytest.raises(KeyringInvalid, match="another one than lookup"):
        Keyring(RING.primary, RING.keys, RING.lookup, {"1": stranger, "2": stranger})
    with pytest.raises(KeyringInvalid, match="already"):
        RING.looked_up_anew("1")


def test_a_key_id_is_used_once_and_a_file_must_be_there() -> None:
    with pytest.raises(KeyringInvalid):
        RING.rotated("1")
    with pytest.raises(KeyringInvalid, match="can't be read"):
        Keyring.load("/nowhere/keyring.json")


def test_keys_are_in_no_representation() -> None:
    shown = repr(RING) + repr(VAULT) + repr(VAULT.create(OWNER)[0])
    assert str(RING.lookup) not in shown
    assert "keys=" not in shown
