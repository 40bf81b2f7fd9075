"""The role `serve`: what answers gRPC."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from kehu.members.v1 import (
    audit_pb2_grpc,
    engagement_pb2_grpc,
    gift_cards_pb2_grpc,
    identity_pb2_grpc,
    ledger_pb2_grpc,
    mall_pb2_grpc,
    members_pb2_grpc,
    programmes_pb2_grpc,
    rights_cards_pb2_grpc,
    stored_value_pb2_grpc,
    tiers_pb2_grpc,
)

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
        servicers=[
            Servicer(
                "kehu.members.v1.MembersService",
                members_pb2_grpc.add_MembersServiceServicer_to_server,
                MembersServicer(edge, tokens),
            ),
            Servicer(
                "kehu.members.v1.IdentityService",
                identity_pb2_grpc.add_IdentityServiceServicer_to_server,
                IdentityServicer(edge, tokens),
            ),
            Servicer(
                "kehu.members.v1.StoredValueService",
                stored_value_pb2_grpc.add_StoredValueServiceServicer_to_server,
                StoredValueServicer(edge, tokens),
            ),
            Servicer(
                "kehu.members.v1.RightsCardService",
                rights_cards_pb2_grpc.add_RightsCardServiceServicer_to_server,
                RightsCardServicer(edge, tokens),
            ),
            Servicer(
                "kehu.members.v1.GiftCardService",
                gift_cards_pb2_grpc.add_GiftCardServiceServicer_to_server,
                GiftCardServicer(edge, tokens),
            ),
            Servicer(
                "kehu.members.v1.AuditService",
                audit_pb2_grpc.add_AuditServiceServicer_to_server,
                AuditServicer(edge, tokens),
            ),
            Servicer(
                "kehu.members.v1.LedgerService",
                ledger_pb2_grpc.add_LedgerServiceServicer_to_server,
                LedgerServicer(edge, tokens, Signer(Path(config.service_key_file).read_text())),
            ),
            Servicer(
                "kehu.members.v1.EngagementService",
                engagement_pb2_grpc.add_EngagementServiceServicer_to_server,
                EngagementServicer(edge, tokens),
            ),
            Servicer(
                "kehu.members.v1.MallService",
                mall_pb2_grpc.add_MallServiceServicer_to_server,
                MallServicer(edge, tokens, Codes(vault.load(config.keyring_file).digest)),
            ),
            Servicer(
                "kehu.members.v1.ProgrammesService",
                programmes_pb2_grpc.add_ProgrammesServiceServicer_to_server,
                ProgrammesServicer(edge, tokens),
            ),
            Servicer(
                "kehu.members.v1.TiersService",
                tiers_pb2_grpc.add_TiersServiceServicer_to_server,
                TiersServicer(edge, tokens),
            ),
        ],
    )


def main() -> None:
    """Run until SIGTERM."""
    run(lambda: build(load(Config)))
