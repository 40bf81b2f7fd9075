from __future__ import annotations

from kehu.campaigns.v1 import campaigns_pb2_grpc
from kehu.orders.v1 import channels_pb2_grpc, taxes_pb2_grpc

from kit.rpc import Servicer


class Taxes(taxes_pb2_grpc.TaxesServiceServicer):
    """Answers nothing."""


class StillTaxes(Taxes):
    """Inherits from a servicer of ours."""


class Ingest(channels_pb2_grpc.IngestServiceServicer):
    """The name of whose service isn't that of its file."""


class Campaigns(campaigns_pb2_grpc.CampaignsServiceServicer):
    """The messages of whose service lie in other files."""


def test_a_servicer_knows_the_service_that_its_class_was_generated_for() -> None:
    taxes, still, ingest, campaigns = objects = (Taxes(), StillTaxes(), Ingest(), Campaigns())  # type: ignore[abstract]
    assert Servicer.of(*objects) == [
        Servicer("kehu.orders.v1.TaxesService", taxes_pb2_grpc.add_TaxesServiceServicer_to_server, taxes),
        Servicer("kehu.orders.v1.TaxesService", taxes_pb2_grpc.add_TaxesServiceServicer_to_server, still),
        Servicer("kehu.orders.v1.IngestService", channels_pb2_grpc.add_IngestServiceServicer_to_server, ingest),
        Servicer(
            "kehu.campaigns.v1.CampaignsService", campaigns_pb2_grpc.add_CampaignsServiceServicer_to_server, campaigns
        ),
    ]
