"""`CampaignsService`: each method is parse, call, render."""

from __future__ import annotations

import asyncio
from typing import Any

from grpc.aio import ServicerContext
from kehu.campaigns.v1 import automations_pb2 as apb
from kehu.campaigns.v1 import campaigns_pb2_grpc, prices_pb2, profiles_pb2
from kehu.campaigns.v1 import coupon_templates_pb2 as tpb
from kehu.campaigns.v1 import coupons_pb2 as cpb
from kehu.campaigns.v1 import segments_pb2 as spb

from kit import names, org
from kit.errors import Fault
from kit.money import currency_of
from kit.page import Tokens
from kit.rpc import Edge
from kit.rpc.convert import next_token, page_of
from kit.rpc.status import status_of
from services.campaigns.api import automation, coupon, coupon_template, pricing, profile, segment
from services.campaigns.domain.pricing import price
from services.campaigns.usecases import automation as automations
from services.campaigns.usecases import coupon as coupons
from services.campaigns.usecases import coupon_template as templates
from services.campaigns.usecases import pricing as prices
from services.campaigns.usecases import profile as profiles
from services.campaigns.usecases import segment as segments


class CampaignsServicer(campaigns_pb2_grpc.CampaignsServiceServicer):
    """Serves campaigns. Coupons are issued, locked and priced in lanes: concurrent calls share one transaction."""

    def __init__(self, edge: Edge[Any], tokens: Tokens) -> None:
        self._edge = edge
        self._tokens = tokens
        self._issue = edge.lane("issue", coupons.issue, render=coupon.render)
        self._lock = edge.lane(
            "lock",
            coupons.lock,
            render=lambda locked: cpb.LockCouponsResponse(coupons=[coupon.render(each) for each in locked]),
        )
        self._quote = edge.gather("quote", prices.quote)

    async def CreateCouponTemplate(
        self, request: tpb.CreateCouponTemplateRequest, context: ServicerContext
    ) -> tpb.CouponTemplate:
        """Create a coupon template."""
        command = coupon_template.create(request)
        return await self._edge.write(request, templates.create, command, render=coupon_template.render)

    async def GetCouponTemplate(
        self, request: tpb.GetCouponTemplateRequest, context: ServicerContext
    ) -> tpb.CouponTemplate:
        """Read a coupon template."""
        template = names.id_of("couponTemplates", request.name)
        return coupon_template.render(await self._edge.read(templates.get, template))

    async def ListCouponTemplates(
        self, request: tpb.ListCouponTemplatesRequest, context: ServicerContext
    ) -> tpb.ListCouponTemplatesResponse:
        """Read a page of coupon templates."""
        page = page_of(request, self._tokens)
        rows = await self._edge.read(templates.page, page, org=org.parse(request.org))
        token = next_token(request, self._tokens, page, rows=rows, position=lambda row: (str(row.id),))
        shown = [coupon_template.render(row) for row in rows[: page.size]]
        return tpb.ListCouponTemplatesResponse(coupon_templates=shown, next_page_token=token)

    async def UpdateCouponTemplate(
        self, request: tpb.UpdateCouponTemplateRequest, context: ServicerContext
    ) -> tpb.CouponTemplate:
        """Change a coupon template."""
        command = coupon_template.update(request)
        return await self._edge.write(request, templates.update, command, render=coupon_template.render)

    async def IssueCoupon(self, request: cpb.IssueCouponRequest, context: ServicerContext) -> cpb.Coupon:
        """Issue a coupon."""
        issued: cpb.Coupon = await self._issue(request, coupon.issue(request))
        return issued

    async def GetCoupon(self, request: cpb.GetCouponRequest, context: ServicerContext) -> cpb.Coupon:
        """Read a coupon."""
        return coupon.render(await self._edge.read(coupons.get, names.id_of("coupons", request.name)))

    async def ListCoupons(self, request: cpb.ListCouponsRequest, context: ServicerContext) -> cpb.ListCouponsResponse:
        """Read a page of coupons."""
        page = page_of(request, self._tokens)
        rows = await self._edge.read(coupons.page, page, coupon.filter_of(request))
        token = next_token(request, self._tokens, page, rows=rows, position=lambda row: (str(row.id),))
        return cpb.ListCouponsResponse(coupons=[coupon.render(row) for row in rows[: page.size]], next_page_token=token)

    async def LockCoupons(self, request: cpb.LockCouponsRequest, context: ServicerContext) -> cpb.LockCouponsResponse:
        """Lock the coupons of an order."""
        locked: cpb.LockCouponsResponse = await self._lock(request, coupon.lock(request))
        return locked

    async def UseCoupons(self, request: cpb.UseCouponsRequest, context: ServicerContext) -> cpb.UseCouponsResponse:
        """Use up the coupons of an order."""
        return await self._edge.write(
            request,
            coupons.use,
            coupon.use(request),
            render=lambda used: cpb.UseCouponsResponse(coupons=[coupon.render(each) for each in used]),
        )

    async def UnlockCoupons(
        self, request: cpb.UnlockCouponsRequest, context: ServicerContext
    ) -> cpb.UnlockCouponsResponse:
        """Give back the coupons of an order."""
        return await self._edge.write(
            request,
            coupons.unlock,
            coupon.unlock(request),
            render=lambda opened: cpb.UnlockCouponsResponse(coupons=[coupon.render(each) for each in opened]),
        )

    async def VoidCoupon(self, request: cpb.VoidCouponRequest, context: ServicerContext) -> cpb.Coupon:
        """Make a coupon void."""
        return await self._edge.write(request, coupons.void, coupon.void(request), render=coupon.render)

    async def PriceOrder(
        self, request: prices_pb2.PriceOrderRequest, context: ServicerContext
    ) -> prices_pb2.PriceOrderResponse:
        """Price an order. Without coupons the database has nothing to say to it."""
        return await self._priced(request)

    async def BatchPriceOrders(
        self, request: prices_pb2.BatchPriceOrdersRequest, context: ServicerContext
    ) -> prices_pb2.BatchPriceOrdersResponse:
        """Price many orders; the coupons of all are read at once."""
        outcomes = await asyncio.gather(*(self._outcome(each) for each in request.requests))
        return prices_pb2.BatchPriceOrdersResponse(outcomes=outcomes)

    async def _outcome(self, request: prices_pb2.PriceOrderRequest) -> prices_pb2.PriceOutcome:
        try:
            return prices_pb2.PriceOutcome(price=await self._priced(request))
        except Fault as fault:
            return prices_pb2.PriceOutcome(refusal=status_of(fault))

    async def _priced(self, request: prices_pb2.PriceOrderRequest) -> prices_pb2.PriceOrderResponse:
        order = pricing.order(request)
        return pricing.render(await self._quote(order) if order.coupons else price(order.currency, order.lines))

    async def GetProfile(
        self, request: profiles_pb2.GetProfileRequest, context: ServicerContext
    ) -> profiles_pb2.Profile:
        """Read a profile."""
        member = names.id_of("profiles", request.name)
        return profile.render(await self._edge.read(profiles.get, member, profile.as_of(request)))

    async def GetRfmTable(
        self, request: profiles_pb2.GetRfmTableRequest, context: ServicerContext
    ) -> profiles_pb2.RfmTable:
        """Read the RFM table of a currency."""
        currency = currency_of(request.name.removeprefix("rfmTables/"), field="name")
        return profile.render_table(await self._edge.read(profiles.table, currency, profile.as_of(request)))

    async def CreateSegment(self, request: spb.CreateSegmentRequest, context: ServicerContext) -> spb.Segment:
        """Create a segment."""
        return await self._edge.write(request, segments.create, segment.create(request), render=segment.render)

    async def GetSegment(self, request: spb.GetSegmentRequest, context: ServicerContext) -> spb.Segment:
        """Read a segment."""
        return segment.render(await self._edge.read(segments.get, names.id_of("segments", request.name)))

    async def ListSegments(
        self, request: spb.ListSegmentsRequest, context: ServicerContext
    ) -> spb.ListSegmentsResponse:
        """Read a page of segments."""
        page = page_of(request, self._tokens)
        rows = await self._edge.read(segments.page, page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda row: (str(row.id),))
        return spb.ListSegmentsResponse(
            segments=[segment.render(row) for row in rows[: page.size]], next_page_token=token
        )

    async def UpdateSegment(self, request: spb.UpdateSegmentRequest, context: ServicerContext) -> spb.Segment:
        """Change a segment."""
        return await self._edge.write(request, segments.update, segment.update(request), render=segment.render)

    async def PreviewSegment(
        self, request: spb.PreviewSegmentRequest, context: ServicerContext
    ) -> spb.PreviewSegmentResponse:
        """Count whom a rule would find."""
        found, all_profiles = await self._edge.read(segments.preview, segment.rule(request.rule, field="rule"))
        return spb.PreviewSegmentResponse(member_count=found, profile_count=all_profiles)

    async def ListSegmentMembers(
        self, request: spb.ListSegmentMembersRequest, context: ServicerContext
    ) -> spb.ListSegmentMembersResponse:
        """Read a page of a segment's members."""
        page = page_of(request, self._tokens)
        parent = names.id_of("segments", request.parent, field="parent")
        rows = await self._edge.read(segments.members, parent, page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda row: (str(row.member),))
        return spb.ListSegmentMembersResponse(
            segment_members=[segment.render_member(row) for row in rows[: page.size]], next_page_token=token
        )

    async def CreateAutomation(self, request: apb.CreateAutomationRequest, context: ServicerContext) -> apb.Automation:
        """Create an automation."""
        command = automation.create(request)
        return await self._edge.write(request, automations.create, command, render=automation.render)

    async def GetAutomation(self, request: apb.GetAutomationRequest, context: ServicerContext) -> apb.Automation:
        """Read an automation."""
        return automation.render(await self._edge.read(automations.get, names.id_of("automations", request.name)))

    async def ListAutomations(
        self, request: apb.ListAutomationsRequest, context: ServicerContext
    ) -> apb.ListAutomationsResponse:
        """Read a page of automations."""
        page = page_of(request, self._tokens)
        rows = await self._edge.read(automations.page, page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda row: (str(row.id),))
        return apb.ListAutomationsResponse(
            automations=[automation.render(row) for row in rows[: page.size]], next_page_token=token
        )

    async def PauseAutomation(self, request: apb.PauseAutomationRequest, context: ServicerContext) -> apb.Automation:
        """Pause an automation."""
        return await self._edge.write(request, automations.turn, automation.turn(request), render=automation.render)

    async def ResumeAutomation(self, request: apb.ResumeAutomationRequest, context: ServicerContext) -> apb.Automation:
        """Let an automation go on."""
        return await self._edge.write(request, automations.turn, automation.turn(request), render=automation.render)

    async def ListAutomationRuns(
        self, request: apb.ListAutomationRunsRequest, context: ServicerContext
    ) -> apb.ListAutomationRunsResponse:
        """Read a page of what an automation did."""
        page = page_of(request, self._tokens)
        parent = names.id_of("automations", request.parent, field="parent")
        rows = await self._edge.read(automations.runs, parent, page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda row: (str(row.id),))
        return apb.ListAutomationRunsResponse(
            automation_runs=[automation.render_run(row) for row in rows[: page.size]], next_page_token=token
        )
