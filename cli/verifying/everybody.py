"""Verify the whole database: SQL over sets in several connections at once, then the tiers in several processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import lru_cache, partial
from multiprocessing import get_context
from typing import Any
from uuid import UUID

from sqlalchemy import text

from kit.db import Database
from kit.vault import Keyring, Vault
from services.members import publish
from services.members.domain.verification import Check
from services.members.storage.unit import MembersUnit
from services.members.usecases import verification

_PART_BYTES = 1 << 30
"""A part of the entries that is compared at once: what it comes to fits into memory."""

_SLICE = 2_000
"""Members whose tiers one process replays at a time."""

_SIZE = text("select sum(pg_table_size(relid)) from pg_partition_tree('ledger_entries')")

Say = Callable[[str], None]


@dataclass
class Report:
    """What was compared, and what differs."""

    entries: int = 0
    accounts: int = 0
    lots: int = 0
    members: int = 0
    seconds: float = 0.0
    differences: list[Check] = field(default_factory=list)

    def summary(self) -> str:
        """In a sentence."""
        verdict = f"{len(self.differences)} differences" if self.differences else "nothing differs"
        tiers = f", the tiers of {self.members:,} members" if self.members else ""
        return (
            f"{self.entries:,} entries, {self.accounts:,} accounts, {self.lots:,} lots{tiers}: "
            f"{verdict}; {self.seconds:.1f} s"
        )


def verify(url: str, *, workers: int, tiers: bool = True, say: Say = lambda _: None) -> Report:
    """Compare everything; `say` is told what is done as it is done."""
    started = time.perf_counter()
    report = Report()
    database = connect(url, workers)
    try:
        _ledger(database, report, workers, say)
    finally:
        database.close()
    if tiers:
        _tiers(url, report, workers, say)
    report.seconds = time.perf_counter() - started
    return report


def connect(url: str, connections: int = 1) -> Database[MembersUnit]:
    """The database, as this command sees it: nothing personal is read, so any key will do."""
    unit = partial(MembersUnit, publish=publish.to_event, vault=Vault(Keyring.fresh()))
    return Database(url, unit, pool_size=connections, statement_timeout_ms=0, name="kehu verify")


def _ledger(database: Database[MembersUnit], report: Report, workers: int, say: Say) -> None:
    """The ledger, the holds and the trail; the longest statements first."""
    parts = _parts(database, workers)
    steps: dict[str, tuple[Any, ...]] = {}
    for part in range(parts):
        steps[f"lots {part + 1}/{parts}"] = (verification.lots, part, parts)
    for part in range(parts):
        steps[f"balances {part + 1}/{parts}"] = (verification.balances, part, parts)
    steps |= {name: (compare,) for name, compare in verification.WHOLE.items()}
    steps |= {"trail": (verification.trail,), "sizes": (_sizes,)}
    for name, found in _run(database, steps, workers, say):
        if name == "sizes":
            report.entries, report.accounts, report.lots = found
        else:
            report.differences += found


def _run(
    database: Database[MembersUnit], steps: dict[str, tuple[Any, ...]], workers: int, say: Say
) -> Iterator[tuple[str, Any]]:
    def timed(name: str) -> tuple[str, float, Any]:
        started = time.perf_counter()
        found = database.write(*steps[name])
        return name, time.perf_counter() - started, found

    with ThreadPoolExecutor(workers) as pool:
        for name, seconds, found in pool.map(timed, steps):
            say(f"{name}: {seconds:.1f} s")
            yield name, found


def _tiers(url: str, report: Report, workers: int, say: Say) -> None:
    """Replay tiers in processes of their own, a slice of members at a time, and never more slices than are needed."""
    started = time.perf_counter()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting: set[Future[tuple[list[Check], int]]] = set()
        for after in _slices(url):
            waiting.add(pool.submit(_tiers_after, url, after))
            while len(waiting) >= 2 * workers:
                waiting = _collected(waiting, report)
        while waiting:
            waiting = _collected(waiting, report)
    say(f"tiers: {time.perf_counter() - started:.1f} s")


def _collected(waiting: set[Future[tuple[list[Check], int]]], report: Report) -> set[Future[tuple[list[Check], int]]]:
    done, rest = wait(waiting, return_when=FIRST_COMPLETED)
    for each in done:
        differences, members = each.result()
        report.differences += differences
        report.members += members
    return rest


def _slices(url: str) -> Iterator[UUID]:
    """After which member each slice begins."""
    database = connect(url)
    try:
        after: UUID | None = verification.NOBODY
        while after is not None:
            yield after
            after = database.write(_next_slice, after)
    finally:
        database.close()


def _next_slice(unit: MembersUnit, after: UUID) -> UUID | None:
    rules = unit.programmes.current().version
    members = unit.proofs.standings(after, rules, _SLICE)
    return members[-1] if len(members) == _SLICE else None


def _tiers_after(url: str, after: UUID) -> tuple[list[Check], int]:
    """In another process: the differences among the members of a slice, and how many they are."""
    return _database(url).write(_compare, after)


@lru_cache(maxsize=1)
def _database(url: str) -> Database[MembersUnit]:
    return connect(url)


def _compare(unit: MembersUnit, after: UUID) -> tuple[list[Check], int]:
    members = unit.proofs.standings(after, unit.programmes.current().version, _SLICE)
    return verification.tiers(unit, after, _SLICE)[0], len(members)


def _parts(database: Database[MembersUnit], workers: int) -> int:
    """How many parts the entries are compared in: a power of two, enough for the workers and for the memory."""
    size = database.write(lambda unit: int(unit.connection.scalar(_SIZE) or 0))
    parts = 1
    while parts < workers or parts * _PART_BYTES < size:
        parts *= 2
    return parts


def _sizes(unit: MembersUnit) -> tuple[int, int, int]:
    tables = ("ledger_entries", "ledger_accounts", "ledger_lots")
    entries, accounts, lots = (unit.connection.scalar(text(f"select count(*) from {table}")) for table in tables)  # noqa: S608 - constants only
    return int(entries or 0), int(accounts or 0), int(lots or 0)
