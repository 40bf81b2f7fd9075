"""The role `serve`: what answers gRPC."""

from __future__ import annotations

from functools import partial

from kehu.campaigns.v1 import campaigns_pb2, campaigns_pb2_grpc

from kit.db import AsyncDatabase
from kit.page import Tokens
from kit.rpc import Edge, Server, Servicer, run
from kit.rpc.reach import Confined
from kit.settings import load
from services.campaigns import metrics, publish
from services.campaigns.api.reach import COLLECTIONS, RULES
from services.campaigns.api.servicer import CampaignsServicer
from services.campaigns.config import Config
from services.campaigns.storage.unit import CampaignsUnit


def build(config: Config) -> Server:
    """Introduce the rooms to each other."""
    database = AsyncDatabase(
        config.database_url.get_secret_value(),
        partial(CampaignsUnit, publish=publish.to_event),
        committed=metrics.count,
        pool_size=config.database_pool_size,
        statement_timeout_ms=config.statement_timeout_ms,
        name="campaigns serve",
    )
    edge = Edge(database)
    tokens = Tokens(config.page_token_key.get_secret_value())
    return Server(
        name="campaigns",
        settings=config,
        database=database,
        edge=edge,
        reach=Confined(RULES, COLLECTIONS, edge),
        servicers=[
            Servicer(
                # Its messages lie in other files: nobody else would load the one with the service.
                campaigns_pb2.DESCRIPTOR.services_by_name["CampaignsService"].full_name,
                campaigns_pb2_grpc.add_CampaignsServiceServicer_to_server,
                CampaignsServicer(edge, tokens),
            )
        ],
    )


def main() -> None:
    """Run until SIGTERM."""
    run(lambda: build(load(Config)))
