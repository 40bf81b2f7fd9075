"""How far callers see who see a part of the organisation: every RPC of every service says it, or this fails."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from types import ModuleType
from typing import Any

import pytest

from kit.errors import Kind
from kit.rpc.reach import Confined
from services.campaigns.api import reach as campaigns
from services.members.api import reach as members
from services.orders.api import reach as orders
from services.pipeline.api import reach as pipeline
from tests.support.reach import Blind, methods_of, outcomes

SERVICES: dict[str, tuple[ModuleType, Callable[[Any], Confined]]] = {
    "campaigns": (campaigns, partial(Confined, campaigns.RULES, campaigns.COLLECTIONS)),
    "members": (members, members.MembersReach),
    "orders": (orders, orders.OrdersReach),
    "pipeline": (pipeline, partial(Confined, pipeline.RULES, pipeline.COLLECTIONS)),
}
CLOSED: dict[str, set[str]] = {
    "campaigns": {
        *("GetProfile", "GetRfmTable", "CreateSegment", "UpdateSegment", "PreviewSegment", "ListSegmentMembers"),
        *("CreateAutomation", "PauseAutomation", "ResumeAutomation", "ListAutomationRuns"),
    },
    "members": {
        *("ListAuditEntries", "UpdateEngagementPolicy", "CreateReceiptKey", "RetireReceiptKey", "RevokeReceiptKey"),
        *("CreateBadge", "RetireBadge", "IssueGiftCards", "VoidGiftCard", "ReplaceGiftCardCode", "UndoMerge"),
        *("GetLiabilityReport", "CreateReward", "UpdateReward", "PublishReward", "WithdrawReward"),
        *("UpdatePointTransferPolicy", "BatchEnroll", "UpdateProgramme", "CreateProgramme", "CreateRecalculation"),
        *("GetRecalculation", "CreateRightsCardProduct", "UpdateRightsCardProduct", "ListDueRenewals"),
        *("UpdateStoredValueRules", "GetSettlementReport"),
    },
    "orders": {
        *("CreateBargain", "CancelBargain", "BeginHaggle", "GetHaggle", "CutPrice", "BuyHaggle"),
        *("BatchUpsertProducts", "PublishProduct", "UnpublishProduct", "CreateProductGroup"),
        *("UpdateProductGroup", "CreateCategory", "UpdateCategory", "DeleteCategory", "CreateChannel"),
        *("UpdateChannel", "CreateStore", "CreatePriceList", "UpdatePriceList", "ArchivePriceList"),
        *("ActivatePriceList", "SetPrices", "CreateShop", "CreateFlashSale"),
        *("UpdateFlashSale", "CancelFlashSale", "CreateGroupBuy", "UpdateGroupBuy", "CancelGroupBuy"),
        *("CreateLocation", "CreateProduct", "UpdateProduct"),
        *("ArchiveProduct", "ActivateProduct", "ImportOrders", "ListReconciliationReports"),
        *("ListReconciliationDifferences", "ResolveReconciliationDifference", "ReceiveWechatPayNotice"),
        *("ReceiveAlipayNotice", "CreatePresale", "CancelPresale", "CreateShippingZone"),
        *("UpdateShippingZone", "DeleteShippingZone", "CreateShippingMethod", "UpdateShippingMethod"),
        *("DeleteShippingMethod", "CreateTaxTable", "UpdateTaxTable", "DeleteTaxTable"),
    },
    "pipeline": set(),
}
"""Methods about all of the organisation, by their service: callers of a part are refused. A new method belongs here, or
into the rules of its service."""


@pytest.mark.parametrize("service", SERVICES)
def test_every_method_has_a_stated_reach(service: str) -> None:
    module, reach = SERVICES[service]
    found = outcomes(reach(Blind()), methods_of(service), module.COLLECTIONS)

    rules = module.RULES
    assert {name for name, kind in found.items() if kind is Kind.PERMISSION_DENIED} == CLOSED[service]
    assert {name for name, kind in found.items() if kind is Kind.NOT_FOUND} >= rules.by_name
    assert {name for name, kind in found.items() if kind is None} <= {*rules.of_nobody, *rules.answered, *rules.parts}
    assert rules.stated | CLOSED[service] == found.keys()
    assert rules.moves.keys() <= rules.by_name


@pytest.mark.parametrize("service", SERVICES)
def test_a_part_is_asked_for_in_a_field_that_is_there(service: str) -> None:
    rules = SERVICES[service][0].RULES
    for method in methods_of(service):
        for path in (
            rules.parts.get(method.name),
            rules.moves.get(method.name, "") and f"{rules.moves[method.name]}.org",
        ):
            if path:
                *holders, name = path.split(".")
                form = reduce(lambda form, each: form.fields_by_name[each].message_type, holders, method.input_type)
                assert form.fields_by_name[name].type == form.fields_by_name[name].TYPE_STRING


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_listed_whole_can_be_asked_for_by_part(service: str) -> None:
    """A list that names nothing must have a field for the part, or it would show everybody's."""
    rules = SERVICES[service][0].RULES
    lists = {method.name for method in methods_of(service) if "org" in method.input_type.fields_by_name}
    assert lists <= rules.parts.keys()
