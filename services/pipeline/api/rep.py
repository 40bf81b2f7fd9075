"""Sales people on the wire."""

from __future__ import annotations

from kehu.pipeline.v1 import rep_pb2 as pb

from kit import names, org
from kit.rpc.convert import etag, wire_instant
from services.pipeline.api.convert import Readers, changes, fields, version
from services.pipeline.domain.rep import Rep
from services.pipeline.usecases.rep import CreateRep, UpdateRep

_DEFAULT_WEIGHT = 1

_READERS: Readers[pb.Rep] = {
    "display_name": lambda rep: rep.display_name,
    "weight": lambda rep: rep.weight or _DEFAULT_WEIGHT,
    "available": lambda rep: rep.available if rep.HasField("available") else True,
    "org": lambda rep: org.parse(rep.org, field="rep.org"),
}


def create(request: pb.CreateRepRequest) -> CreateRep:
    """Read a request to add a sales person."""
    return CreateRep(names.new_id(), **fields(request.rep, _READERS))


def update(request: pb.UpdateRepRequest) -> UpdateRep:
    """Read a request to change a sales person."""
    rep = request.rep
    id = names.id_of("reps", rep.name, field="rep.name")  # noqa: A001 - the field's name
    return UpdateRep(id, changes(rep, request.update_mask, _READERS), version(rep))


def render(rep: Rep) -> pb.Rep:
    """Show a sales person."""
    return pb.Rep(
        name=names.join("reps", rep.id),
        display_name=rep.display_name,
        weight=rep.weight,
        available=rep.available,
        org=rep.org,
        create_time=wire_instant(rep.create_time),
        update_time=wire_instant(rep.update_time),
        etag=etag(rep.version),
    )
