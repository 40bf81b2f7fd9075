"""What ends an import early, each with the exit status of the command."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit status of `kehu import`."""

    COMPLETE = 0
    """Every row of the file is either in, or in the file of rejected rows."""
    USAGE = 2
    """The command line or the mapping can't be used."""
    UNREADABLE = 3
    """The file is missing, is no text, or has not the columns that the mapping names. Nothing was sent."""
    REFUSED = 4
    """The gateway refuses the caller: the token is missing, has expired, or lacks a scope."""
    INCOMPLETE = 5
    """The gateway or a service stayed away for too long, or the disk is full. The same command goes on from there."""
    INTERRUPTED = 130
    """Somebody pressed Ctrl-C. The same command goes on where this one stopped."""


class ImportProblem(Exception):
    """A cause and its remedy, shown to the user as it is, without a traceback."""

    def __init__(self, exit_status: Exit, message: str) -> None:
        super().__init__(message)
        self.exit_status = exit_status


def mapping_invalid(message: str) -> ImportProblem:
    """The mapping can't be used."""
    return ImportProblem(Exit.USAGE, message)


def unwritable(message: str) -> ImportProblem:
    """The account of the import can't be written."""
    return ImportProblem(Exit.USAGE, message)


def unreadable(message: str) -> ImportProblem:
    """The file can't be used as a whole."""
    return ImportProblem(Exit.UNREADABLE, message)
