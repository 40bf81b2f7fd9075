import stat
from pathlib import Path

from deploy.local import passwords
from deploy.local.folder import SERVICES


def test_passwords_are_made_once_and_kept(tmp_path: Path) -> None:
    first = passwords.keep(tmp_path / "secrets.json")

    assert passwords.keep(tmp_path / "secrets.json") == first


def test_every_role_has_a_password_of_its_own(tmp_path: Path) -> None:
    roles = passwords.keep(tmp_path / "secrets.json").roles

    assert set(roles) == set(SERVICES)
    assert len(set(roles.values())) == len(SERVICES)


def test_only_the_owner_reads_the_passwords(tmp_path: Path) -> None:
    passwords.keep(tmp_path / "secrets.json")

    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_a_private_file_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "file"
    passwords.write_private(target, "a long first text")
    passwords.write_private(target, "short")

    assert target.read_text() == "short"
    assert list(tmp_path.iterdir()) == [target]
