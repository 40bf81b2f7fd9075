"""`serve`: what answers gRPC."""

from __future__ import annotations

from functools import partial

from kit.db import AsyncDatabase
from kit.page import Tokens
from kit.rpc import Edge, Server, Servicer, run
from kit.rpc.reach import Confined
from kit.settings import load
from services.pipeline import metrics, publish
from services.pipeline.api.reach import COLLECTIONS, RULES
from services.pipeline.api.servicer import PipelineServicer
from services.pipeline.config import Config
from services.pipeline.storage.unit import PipelineUnit


def build(config: Config) -> Server:
    """Introduce the rooms to each other."""
    database = AsyncDatabase(
        config.database_url.get_secret_value(),
        partial(PipelineUnit, publish=publish.to_event),
        committed=metrics.count,
        pool_size=config.database_pool_size,
        statement_timeout_ms=config.statement_timeout_ms,
        name="pipeline serve",
    )
    edge = Edge(database)
    tokens = Tokens(config.page_token_key.get_secret_value())
    return Server(
        name="pipeline",
        settings=config,
        database=database,
        edge=edge,
        reach=Confined(RULES, COLLECTIONS, edge),
        servicers=Servicer.of(
            PipelineServicer(edge, tokens, home_region=config.home_region),
        ),
    )


def main() -> None:
    """Run until SIGTERM."""
    run(lambda: build(load(Config)))
