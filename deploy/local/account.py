"""PostgreSQL refuses to run as root: then its server runs as a system account of its own.

That account must pass through the folders above the binaries and the data (a clone in /root is closed to it). It is
let through by an access control entry for this one account, never by opening a folder to everybody.
"""

from __future__ import annotations

import os
import pwd
import struct
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.problem import Problem

NAME = "kehu-postgres"
_XATTR = "system.posix_acl_access"
_VERSION = struct.pack("<I", 2)
_ENTRY = struct.Struct("<HHI")
_OWNER, _USER, _GROUP, _MASK, _OTHERS = 0x01, 0x02, 0x04, 0x10, 0x20
_NOBODY = 0xFFFFFFFF
_PASS = 0o1


@dataclass(frozen=True)
class Account:
    """The operating system account that a server runs as; None in both means the caller's own."""

    user: int | None = None
    group: int | None = None

    def run(self, command: Sequence[str], *, death_signal: str) -> list[str]:
        """The command that runs `command` as this account, and gets `death_signal` when its parent dies."""
        switch = [] if self.user is None else [f"--reuid={self.user}", f"--regid={self.group}", "--clear-groups"]
        return ["setpriv", *switch, f"--pdeathsig={death_signal}", "--", *command]

    def give(self, path: Path) -> None:
        """Make the account the owner of `path`."""
        if self.user is not None and self.group is not None:
            os.chown(path, self.user, self.group)

    def let_through(self, paths: Iterable[Path]) -> None:
        """Let the account reach every one of `paths`."""
        if self.user is None:
            return
        for folder in {parent for path in paths for parent in path.resolve().parents}:
            if not folder.stat().st_mode & 0o001:
                _let_through(folder, self.user)


def for_server() -> Account:
    """The account for a server that refuses root, made on the first use."""
    if os.geteuid() != 0:
        return Account()
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        _create()
        entry = pwd.getpwnam(NAME)
    return Account(entry.pw_uid, entry.pw_gid)


def _create() -> None:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    # 9: another process created the account in the same moment.
    if made.returncode not in (0, 9):
        raise Problem(
            f"PostgreSQL refuses to run as root and its account {NAME} could not be created ({made.stderr.strip()}); "
            f"create it with `{' '.join(command)}`, or run as an ordinary user."
        )


def _let_through(folder: Path, user: int) -> None:
    entries = _entries(folder)
    if entries.get((_USER, user), 0) & _PASS:
        return
    entries[_USER, user] = entries.get((_USER, user), 0) | _PASS
    entries[_MASK, _NOBODY] = entries.get((_MASK, _NOBODY), entries[_GROUP, _NOBODY]) | _PASS
    packed = b"".join(_ENTRY.pack(tag, allowed, who) for (tag, who), allowed in sorted(entries.items()))
    try:
        os.setxattr(folder, _XATTR, _VERSION + packed)
    except OSError as error:
        raise Problem(
            f"PostgreSQL's account {NAME} cannot pass through {folder} ({error.strerror}); "
            f"run `chmod o+x {folder}`, or clone the project elsewhere."
        ) from error


def _entries(folder: Path) -> dict[tuple[int, int], int]:
    """The access control list of `folder`: (tag, id) to permission bits; made from the mode when there is none."""
    try:
        packed = os.getxattr(folder, _XATTR)
    except OSError:
        mode = folder.stat().st_mode
        return {(_OWNER, _NOBODY): mode >> 6 & 7, (_GROUP, _NOBODY): mode >> 3 & 7, (_OTHERS, _NOBODY): mode & 7}
    return {(tag, who): allowed for tag, allowed, who in _ENTRY.iter_unpack(packed[len(_VERSION) :])}
