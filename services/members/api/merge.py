"""Merges on the wire."""

from __future__ import annotations

from kehu.members.v1 import identity_pb2 as pb

from kit import names
from kit.rpc.convert import wire_instant
from services.members.api.audit import author
from services.members.domain.merge import Merge
from services.members.usecases.merge import MergeMembers, UndoMerge


def merge_members(request: pb.MergeMembersRequest) -> MergeMembers:
    """Read a request to merge; the merge gets its id here."""
    return MergeMembers(
        names.new_id(),
        names.id_of("members", request.merged_member, field="merged_member"),
        names.id_of("members", request.member, field="member"),
        author(),
        request.reason,
    )


def undo(request: pb.UndoMergeRequest) -> UndoMerge:
    """Read a request to undo a merge."""
    return UndoMerge(names.id_of("merges", request.name), author(), request.reason)


def render(merge: Merge) -> pb.Merge:
    """Show a merge."""
    return pb.Merge(
        name=names.join("merges", merge.id),
        merged_member=names.join("members", merge.gone),
        member=names.join("members", merge.kept),
        state=pb.Merge.State.Value(f"STATE_{merge.state}"),
        reason=merge.reason,
        create_time=wire_instant(merge.time),
        undo_expire_time=wire_instant(merge.undo_expire_time),
        undo_time=wire_instant(merge.end_time) if merge.end_time else None,
    )
