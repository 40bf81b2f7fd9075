"""The role `serve`: what answers gRPC."""

from __future__ import annotations

from functools import partial

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
        servicers=Servicer.of(
            CampaignsServicer(edge, tokens),
        ),
    )


def main() -> None:
    """Run until SIGTERM."""
    run(lambda: build(load(Config)))
