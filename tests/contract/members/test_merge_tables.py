"""Whatever names a member is moved by a merge and told by an export, unless it is said why not."""

from __future__ import annotations

from sqlalchemy import Uuid

from services.members.storage import export, merge
from services.members.storage.tables import metadata

# Ids of something else than a member.
OTHERS = {
    *("id", "order", "lot", "hold", "reward", "card", "badge", "key", "product", "payment", "document", "top_up"),
    *("event_id", "merge", "position", "origin"),
}
# What resolves to the other member rather than naming it.
LINKS = {"ledger_accounts.heir", "members.merged_into", "merges.gone", "merges.kept"}


def columns() -> set[str]:
    return {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.c
        if isinstance(column.type, Uuid) and column.name not in OTHERS
    }


def test_a_merge_moves_every_row_of_a_member() -> None:
    moved = {owned.kind for owned in merge.OWNED}
    assert {name for name in columns() - moved - LINKS if name.partition(".")[0] not in merge.KEPT} == set()


def test_an_export_tells_every_row_of_a_member() -> None:
    tables = {name.partition(".")[0] for name in columns()}
    assert tables - export.KINDS.keys() == export.PROFILE


def test_news_of_orders_follow_their_member_in_every_table() -> None:
    assert {"purchases.member", "order_growth.member"} <= set(merge.FOLLOWING) <= {owned.kind for owned in merge.OWNED}
