"""The role `serve`: what answers gRPC."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from kit import vault
from kit.db import AsyncDatabase
from kit.page import Tokens
from kit.rpc import Edge, Server, Servicer, run
from kit.settings import load
from kit.signing import Signer
from services.members import metrics, publish
from services.members.api.audit import AuditServicer
from services.members.api.engagement import EngagementServicer
from services.members.api.gift_card import GiftCardServicer
from services.members.api.identity import IdentityServicer
from services.members.api.ledger import LedgerServicer
from services.members.api.mall import MallServicer
from services.members.api.programmes import ProgrammesServicer
from services.members.api.reach import MembersReach
from services.members.api.redemption_code import Codes
from services.members.api.rights_card import RightsCardServicer
from services.members.api.servicer import MembersServicer
from services.members.api.stored_value import StoredValueServicer
from services.members.api.tiers import TiersServicer
from services.members.config import Config
from services.members.storage.unit import MembersUnit


def build(config: Config) -> Server:
    """Introduce the rooms to each other."""
    database = AsyncDatabase(
        config.database_url.get_secret_value(),
        partial(MembersUnit, publish=publish.to_event, vault=vault.load(config.keyring_file)),
        committed=metrics.count,
        pool_size=config.database_pool_size,
        statement_timeout_ms=config.statement_timeout_ms,
        name="members serve",
    )
    edge = Edge(database)
    tokens = Tokens(config.page_token_key.get_secret_value())
    return Server(
        name="members",
        settings=config,
        database=database,
        edge=edge,
        reach=MembersReach(edge),
        servicers=Servicer.of(
            MembersServicer(edge, tokens),
            IdentityServicer(edge, tokens),
            StoredValueServicer(edge, tokens),
            RightsCardServicer(edge, tokens),
            GiftCardServicer(edge, tokens),
            AuditServicer(edge, tokens),
            LedgerServicer(edge, tokens, Signer(Path(config.service_key_file).read_text())),
            EngagementServicer(edge, tokens),
            MallServicer(edge, tokens, Codes(vault.load(config.keyring_file).digest)),
            ProgrammesServicer(edge, tokens),
            TiersServicer(edge, tokens),
        ),
    )


def main() -> None:
    """Run until SIGTERM."""
    run(lambda: build(load(Config)))
