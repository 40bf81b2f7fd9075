"""`IdentityService`: cards, tags, erasure and export on the wire."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct
from grpc.aio import ServicerContext
from kehu.members.v1 import identity_pb2 as pb
from kehu.members.v1 import identity_pb2_grpc, members_pb2

from kit.errors import invalid
from kit.page import Page, Tokens
from kit.rpc import Edge
from kit.rpc.convert import next_token, page_of, wire_instant
from services.members.api import convert, privacy
from services.members.api import merge as merges
from services.members.api.audit import author
from services.members.usecases import erasure, export, loyalty_card, merge, tag
from services.members.usecases.erasure import EraseMember
from services.members.usecases.export import Exported, ExportMember
from services.members.usecases.loyalty_card import BlockCard, IssueCard, Owned, ReplaceCard
from services.members.usecases.tag import ModifyTags

_EXACT = 2**53
_CARDS = "/loyaltyCards/"
_MAX_ORDINAL = 10**6


class IdentityServicer(identity_pb2_grpc.IdentityServiceServicer):
    """Serves what a member is known by."""

    def __init__(self, edge: Edge[Any], tokens: Tokens) -> None:
        self._edge = edge
        self._tokens = tokens

    async def IssueLoyaltyCard(
        self, request: pb.IssueLoyaltyCardRequest, context: ServicerContext
    ) -> members_pb2.LoyaltyCard:
        """Give a member one more card."""
        command = IssueCard(convert.member_id(request.parent, field="parent"), request.number)
        show = _card_shower()
        return await self._edge.write(request, loyalty_card.issue, command, render=show, recall=_recall_card(show))

    async def BlockLoyaltyCard(
        self, request: pb.BlockLoyaltyCardRequest, context: ServicerContext
    ) -> members_pb2.LoyaltyCard:
        """Make a card lead to nobody."""
        command = BlockCard(*_card(request.name), author(), request.reason)
        show = _card_shower()
        return await self._edge.write(request, loyalty_card.block, command, render=show, recall=_recall_card(show))

    async def ReplaceLoyaltyCard(
        self, request: pb.ReplaceLoyaltyCardRequest, context: ServicerContext
    ) -> members_pb2.LoyaltyCard:
        """Give a member a card in the place of another."""
        command = ReplaceCard(*_card(request.name), request.number, author(), request.reason)
        show = _card_shower()
        return await self._edge.write(request, loyalty_card.replace, command, render=show, recall=_recall_card(show))

    async def ModifyTags(self, request: pb.ModifyTagsRequest, context: ServicerContext) -> members_pb2.Member:
        """Change a member's tags."""
        command = ModifyTags(convert.member_id(request.name), request.add_tags, request.remove_tags, author())
        show = privacy.shower()
        return await self._edge.write(request, tag.modify, command, render=show, recall=privacy.recall(show))

    async def EraseMember(self, request: pb.EraseMemberRequest, context: ServicerContext) -> members_pb2.Member:
        """Forget a person."""
        command = EraseMember(convert.member_id(request.name), author(), request.reason)
        show = privacy.shower()
        return await self._edge.write(request, erasure.erase, command, render=show, recall=privacy.recall(show))

    async def MergeMembers(self, request: pb.MergeMembersRequest, context: ServicerContext) -> pb.Merge:
        """Make two members one."""
        return await self._edge.write(request, merge.merge, merges.merge_members(request), render=merges.render)

    async def UndoMerge(self, request: pb.UndoMergeRequest, context: ServicerContext) -> pb.Merge:
        """Make them two again."""
        return await self._edge.write(request, merge.undo, merges.undo(request), render=merges.render)

    async def ListMerges(self, request: pb.ListMergesRequest, context: ServicerContext) -> pb.ListMergesResponse:
        """A page of a member's merges."""
        page = page_of(request, self._tokens)
        rows = await self._edge.read(merge.page, convert.member_id(request.parent, field="parent"), page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda made: (str(made.id),))
        return pb.ListMergesResponse(merges=[merges.render(made) for made in rows[: page.size]], next_page_token=token)

    async def ExportMember(self, request: pb.ExportMemberRequest, context: ServicerContext) -> pb.ExportMemberResponse:
        """Tell what is known of a person."""
        query = pb.ExportMemberRequest()
        query.CopyFrom(request)
        query.ClearField("request_id")  # each page may be asked for under an id of its own
        page = page_of(query, self._tokens)
        command = ExportMember(convert.member_id(request.name), page, author(), request.reason)

        def render(exported: Exported) -> pb.ExportMemberResponse:
            return _exported(exported, page, query, self._tokens)

        return await self._edge.write(
            request, export.export, command, render=render, recall=lambda unit, _: render(export.export(unit, command))
        )


def _card(name: str) -> tuple[UUID, int]:
    """The member and the ordinal in `members/{member}/loyaltyCards/{loyalty_card}`."""
    member, _, ordinal = name.partition(_CARDS)
    if not (ordinal.isascii() and ordinal.isdecimal() and len(ordinal) < len(str(_MAX_ORDINAL))):
        raise invalid("name", "must be a name of the form members/{member}/loyaltyCards/{loyalty_card}")
    return convert.member_id(member), int(ordinal)


def _card_shower() -> Any:
    full = privacy.full()
    return lambda owned: convert.loyalty_card(owned.member, owned.card, full=full)


def _recall_card(show: Any) -> Any:
    def recall(unit: Any, kept: members_pb2.LoyaltyCard) -> members_pb2.LoyaltyCard:
        owned: Owned = loyalty_card.get(unit, *_card(kept.name))
        answer: members_pb2.LoyaltyCard = show(owned)
        return answer

    return recall


def _exported(exported: Exported, page: Page, query: pb.ExportMemberRequest, tokens: Tokens) -> pb.ExportMemberResponse:
    return pb.ExportMemberResponse(
        member=convert.member(exported.shown),
        balance=convert.balance(exported.wallet),
        export_time=wire_instant(exported.time),
        records=[
            pb.ExportMemberResponse.Record(kind=record.kind, data=ParseDict(_plain(record.data), Struct()))
            for record in exported.records[: page.size]
        ],
        next_page_token=next_token(query, tokens, page, rows=exported.records, position=lambda record: record.position),
    )


def _plain(value: Any) -> Any:
    """A value as JSON can say it: numbers that it would round become texts."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, int) and abs(value) > _EXACT else value
