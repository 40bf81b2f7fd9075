import os
import stat
from pathlib import Path

import pytest

from deploy.local.account import Account

ACL = "system.posix_acl_access"
SOMEBODY = Account(user=12_345, group=12_345)


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    try:
        os.setxattr(folder, "user.probe", b"")
    except OSError:
        pytest.skip("this file system keeps no extended attributes")
    return folder


def test_a_closed_folder_is_opened_to_one_account_and_to_nobody_else(closed: Path) -> None:
    SOMEBODY.let_through([closed / "data"])

    assert not closed.stat().st_mode & (stat.S_IRWXO)
    assert (12_345).to_bytes(4, "little") in os.getxattr(closed, ACL)


def test_letting_through_twice_changes_nothing(closed: Path) -> None:
    SOMEBODY.let_through([closed / "data"])
    before = os.getxattr(closed, ACL)
    SOMEBODY.let_through([closed / "data"])

    assert os.getxattr(closed, ACL) == before


def test_a_second_account_does_not_push_out_the_first(closed: Path) -> None:
    SOMEBODY.let_through([closed / "data"])
    Account(user=54_321, group=54_321).let_through([closed / "data"])

    granted = os.getxattr(closed, ACL)
    assert (12_345).to_bytes(4, "little") in granted
    assert (54_321).to_bytes(4, "little") in granted


def test_an_open_folder_is_left_as_it_is(closed: Path) -> None:
    closed.chmod(0o711)
    SOMEBODY.let_through([closed / "data"])

    assert ACL not in os.listxattr(closed)


def test_the_callers_own_account_needs_no_way(closed: Path) -> None:
    Account().let_through([closed / "data"])

    assert ACL not in os.listxattr(closed)


def test_a_program_of_another_account_drops_its_groups_and_dies_with_its_parent() -> None:
    assert SOMEBODY.run(["true"], death_signal="INT") == [
        *("setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "--pdeathsig=INT", "--", "true"),
    ]
