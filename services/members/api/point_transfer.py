"""What members give to each other, on the wire and inside."""

from __future__ import annotations

from uuid import UUID

from kehu.members.v1 import point_transfers_pb2 as pb

from kit import names
from kit.errors import invalid
from kit.rpc.convert import etag, expected_version, masked_fields, wire_instant
from services.members.api.audit import author
from services.members.api.programme import programme_asked, programme_id, programme_name
from services.members.domain.point_transfer import PointTransfer, Policy
from services.members.usecases.point_transfer import TransferPoints, UpdatePolicy, name_of

_FIELDS = ("daily_limit", "minimum")
_OUTPUT_ONLY = ("name", "update_time", "etag")


def transfer(request: pb.TransferPointsRequest) -> TransferPoints:
    """Read a request to give points; the transfer gets its id here."""
    return TransferPoints(
        names.new_id(),
        giver(request),
        names.id_of("members", request.recipient, field="recipient"),
        request.points,
        programme_asked(request.programme),
    )


def giver(request: pb.TransferPointsRequest | pb.ListPointTransfersRequest) -> UUID:
    """Who gives."""
    return names.id_of("members", request.parent, field="parent")


def update(request: pb.UpdatePointTransferPolicyRequest) -> UpdatePolicy:
    """Read a change of the policy."""
    wire = request.policy
    programme = policy_of(wire.name, field="policy.name")
    fields = masked_fields(wire, request.update_mask, mutable=_FIELDS, output_only=_OUTPUT_ONLY)
    return UpdatePolicy(
        daily_limit=wire.daily_limit if "daily_limit" in fields else None,
        minimum=wire.minimum if "minimum" in fields else None,
        version=expected_version(wire.etag),
        author=author(),
        programme=programme,
    )


def policy_of(name: str, *, field: str = "name") -> str:
    """The programme whose policy has this name."""
    collection, _, id_ = name.partition("/")
    if collection != "pointTransferPolicies":
        raise invalid(field, "must be a name of the form pointTransferPolicies/{programme}")
    return programme_id(programme_name(id_), field=field)


def render(made: PointTransfer) -> pb.PointTransfer:
    """Write a transfer."""
    return pb.PointTransfer(
        name=made.source,
        recipient=names.join("members", made.recipient),
        points=made.points,
        create_time=wire_instant(made.create_time),
        programme=programme_name(made.programme),
    )


def policy(known: Policy) -> pb.PointTransferPolicy:
    """Write the policy."""
    return pb.PointTransferPolicy(
        name=name_of(known.programme),
        daily_limit=known.daily_limit,
        minimum=known.minimum,
        update_time=wire_instant(known.update_time),
        etag=etag(known.version),
    )
