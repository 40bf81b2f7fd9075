"""Merges of members, as members tells them, and stories of people who are merged and parted again."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp
from kehu.members.v1.events_pb2 import MemberMerged, MemberUnmerged

from kit.worker import Received

NOW = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
PEOPLE = 4


def merged(gone: uuid.UUID, into: uuid.UUID, *, version: int = 2, time: datetime = NOW) -> Received:
    """The event that a member was merged into another one."""
    message = MemberMerged(member=f"members/{gone}", into=f"members/{into}", merge_time=_at(time))
    return Received(uuid.uuid4(), "MemberMerged", message.member, version, NOW, message)


def unmerged(gone: uuid.UUID, kept: uuid.UUID, *, version: int = 3, time: datetime = NOW) -> Received:
    """The event that a merge was undone."""
    message = MemberUnmerged(member=f"members/{gone}", from_member=f"members/{kept}", unmerge_time=_at(time))
    return Received(uuid.uuid4(), "MemberUnmerged", message.member, version, NOW, message)


@dataclass
class Story:
    """What really happens to four people, as members knows it, and what is told of it."""

    people: list[uuid.UUID] = field(default_factory=lambda: [uuid.uuid4() for _ in range(PEOPLE)])
    into: dict[uuid.UUID, uuid.UUID] = field(default_factory=dict)
    versions: Counter[uuid.UUID] = field(default_factory=Counter)
    told: list[Received] = field(default_factory=list)

    def root(self, member: uuid.UUID) -> uuid.UUID:
        """Who stands for a member."""
        while member in self.into:
            member = self.into[member]
        return member

    def merge(self, gone: uuid.UUID, kept: uuid.UUID) -> None:
        """Merge a member, unless it is merged already."""
        kept = self.root(kept)
        if gone not in self.into and gone != kept:
            self.into[gone] = kept
            self._tell(merged, gone, kept)

    def undo(self, gone: uuid.UUID, _: uuid.UUID) -> None:
        """Undo a merge, if there is one that can be undone."""
        kept = self.into.get(gone)
        if kept is not None and kept not in self.into:
            del self.into[gone]
            self._tell(unmerged, gone, kept)

    def _tell(self, event: Callable[..., Received], gone: uuid.UUID, kept: uuid.UUID) -> None:
        self.versions[gone] += 1
        time = NOW + timedelta(minutes=len(self.told))
        self.told.append(event(gone, kept, version=self.versions[gone], time=time))


def _at(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
