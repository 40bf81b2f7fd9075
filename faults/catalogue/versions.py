"""An upgrade under load: the schema first, then both versions side by side, then back again."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faults import nextversion, replicas, standin
from faults.arena import Arena
from faults.fault import Fault, Finding, found
from faults.standin import Original, StandIn, standing_in

_TOLD = "select count(*) from outbox where type = 'OrderPaid' and payload like '%rolloutNote%'"
_MIGRATED = "select count(*) from information_schema.columns where column_name = 'rollout_note'"


class _Upgrade:
    """Orders and the consumer of members, in the present version and in the next."""

    def __init__(self) -> None:
        self._project: Path
        self._new: StandIn

    @contextmanager
    def setting(self, arena: Arena) -> Iterator[None]:
        """The next version beside the present one, on a schema that is expanded, behind one gateway."""
        with tempfile.TemporaryDirectory(prefix="next-", dir=arena.scratch) as folder:
            self._project = nextversion.make(Path(folder) / "project")
            present = Original.of(arena.suite, "orders-serve").environment
            settings = {name: value for name, value in present.items() if name.startswith("KEHU_")}
            nextversion.run(self._project, "services.orders", "migrate", **settings)
            with (
                replicas.second(arena, "orders-serve", project=self._project) as new,
                replicas.in_front(arena, {"orders": new}),
            ):
                self._new = new
                yield

    def play(self, arena: Arena, seconds: float) -> list[Finding]:
        """Both serve; both kinds of consumers take in both kinds of events; then the next version goes away again."""
        time.sleep(seconds / 2)
        with standing_in(arena.suite, "members-consume", arena.log("members-consume-next"), project=self._project):
            time.sleep(seconds / 2)
        standin.finish(self._new)
        time.sleep(seconds / 2)
        failed = [f"{each.code} {each.method}" for each in arena.record.attempts if each.code != "OK"]
        told, migrated = (int(str(arena.evidence.query("orders", each)[0][0])) for each in (_TOLD, _MIGRATED))
        return [
            found("the schema was expanded under the present version", migrated == 1, migrated),
            found("the next version sold, and said so in events that the present one read", told > 0, told),
            found("no call failed", not failed, f"{len(failed)} {failed[:3]}"),
        ]


_UPGRADE = _Upgrade()

FAULTS = (
    Fault(
        "two-versions",
        "the next version (a column, a table, a field, an event that tells more) beside the present one, and back",
        "no call fails, each version reads what the other writes",
        _UPGRADE.play,
        setting=_UPGRADE.setting,
        runbook="life-of-an-rpc.md#settings-that-belong-together",
        lengths=False,
    ),
)
