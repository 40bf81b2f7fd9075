"""`MallService`: each method is parse, call, render."""

from __future__ import annotations

from typing import Any

from grpc.aio import ServicerContext
from kehu.members.v1 import mall_pb2 as pb
from kehu.members.v1 import mall_pb2_grpc
from kehu.members.v1 import point_transfers_pb2 as tpb

from kit import names
from kit.page import Tokens
from kit.rpc import Edge
from kit.rpc.convert import next_token, page_of
from services.members.api import point_transfer, redemption, reward
from services.members.api.redemption_code import Codes
from services.members.domain.reward import State
from services.members.usecases import fulfilment
from services.members.usecases import point_transfer as point_transfers
from services.members.usecases import redemption as redemptions
from services.members.usecases import reward as rewards
from services.members.usecases.fulfilment import IssueCode, VerifyCode


class MallServicer(mall_pb2_grpc.MallServiceServicer):
    """Serves the points mall. Redemptions go through lanes: all who want the last piece share one transaction."""

    def __init__(self, edge: Edge[Any], tokens: Tokens, codes: Codes) -> None:
        self._edge = edge
        self._tokens = tokens
        self._codes = codes
        self._redeem = edge.lane("redeem", redemptions.redeem, render=redemption.render)
        self._confirm = edge.lane("confirm redemption", redemptions.confirm, render=redemption.render)
        self._cancel = edge.lane("cancel redemption", redemptions.cancel, render=redemption.render)
        self._transfer = edge.lane("transfer", point_transfers.transfer, render=point_transfer.render)
        self._refund = edge.lane("refund redemption", redemptions.refund, render=redemption.render)

    async def CreateReward(self, request: pb.CreateRewardRequest, context: ServicerContext) -> pb.Reward:
        """Create a reward."""
        return await self._edge.write(request, rewards.create, reward.create(request), render=reward.render)

    async def GetReward(self, request: pb.GetRewardRequest, context: ServicerContext) -> pb.Reward:
        """Read a reward."""
        return reward.render(await self._edge.read(rewards.get, names.id_of("rewards", request.name)))

    async def ListRewards(self, request: pb.ListRewardsRequest, context: ServicerContext) -> pb.ListRewardsResponse:
        """Read a page of rewards."""
        page = page_of(request, self._tokens)
        rows = await self._edge.read(rewards.page, page, reward.state_of(request))
        token = next_token(request, self._tokens, page, rows=rows, position=lambda row: (str(row.id),))
        return pb.ListRewardsResponse(rewards=[reward.render(row) for row in rows[: page.size]], next_page_token=token)

    async def UpdateReward(self, request: pb.UpdateRewardRequest, context: ServicerContext) -> pb.Reward:
        """Change a reward."""
        return await self._edge.write(request, rewards.update, reward.update(request), render=reward.render)

    async def PublishReward(self, request: pb.PublishRewardRequest, context: ServicerContext) -> pb.Reward:
        """Put a reward on sale."""
        command = reward.turn(request, State.ON_SALE)
        return await self._edge.write(request, rewards.turn, command, render=reward.render)

    async def WithdrawReward(self, request: pb.WithdrawRewardRequest, context: ServicerContext) -> pb.Reward:
        """Take a reward off sale."""
        command = reward.turn(request, State.OFF_SALE)
        return await self._edge.write(request, rewards.turn, command, render=reward.render)

    async def CreateRedemption(self, request: pb.CreateRedemptionRequest, context: ServicerContext) -> pb.Redemption:
        """Redeem points."""
        answer: pb.Redemption = await self._redeem(request, redemption.redeem(request))
        return answer

    async def GetRedemption(self, request: pb.GetRedemptionRequest, context: ServicerContext) -> pb.Redemption:
        """Read a redemption."""
        return redemption.render(await self._edge.read(redemptions.get, *redemption.name_of(request.name)))

    async def ListRedemptions(
        self, request: pb.ListRedemptionsRequest, context: ServicerContext
    ) -> pb.ListRedemptionsResponse:
        """Read a page of redemptions."""
        page = page_of(request, self._tokens)
        rows = await self._edge.read(redemptions.page, page, redemption.filter_of(request))
        token = next_token(request, self._tokens, page, rows=rows, position=lambda row: (str(row.id),))
        return pb.ListRedemptionsResponse(
            redemptions=[redemption.render(row) for row in rows[: page.size]], next_page_token=token
        )

    async def ConfirmRedemption(self, request: pb.ConfirmRedemptionRequest, context: ServicerContext) -> pb.Redemption:
        """Take a payment."""
        answer: pb.Redemption = await self._confirm(request, redemption.confirm(request))
        return answer

    async def CancelRedemption(self, request: pb.CancelRedemptionRequest, context: ServicerContext) -> pb.Redemption:
        """Give a redemption up."""
        answer: pb.Redemption = await self._cancel(request, redemption.cancel(request))
        return answer

    async def FulfilRedemption(self, request: pb.FulfilRedemptionRequest, context: ServicerContext) -> pb.Redemption:
        """Keep how a redemption was delivered."""
        command = redemption.fulfil(request)
        return await self._edge.write(request, fulfilment.fulfil, command, render=redemption.render)

    async def RefundRedemption(self, request: pb.RefundRedemptionRequest, context: ServicerContext) -> pb.Redemption:
        """Take a redemption back."""
        answer: pb.Redemption = await self._refund(request, redemption.refund(request))
        return answer

    async def IssueRedemptionCode(
        self, request: pb.IssueRedemptionCodeRequest, context: ServicerContext
    ) -> pb.IssueRedemptionCodeResponse:
        """Make a code to pick a redemption up with. It is put in after the answer is stored, which never has it."""
        name = redemption.name_of(request.name)
        code = self._codes.make(name.redemption, request.request_id)
        response = await self._edge.write(
            request,
            fulfilment.issue_code,
            IssueCode(*name, self._codes.kept(code)),
            render=lambda changed: pb.IssueRedemptionCodeResponse(redemption=redemption.render(changed)),
        )
        response.code = code
        return response

    async def VerifyRedemptionCode(
        self, request: pb.VerifyRedemptionCodeRequest, context: ServicerContext
    ) -> pb.Redemption:
        """Hand a redemption over against its code."""
        command = VerifyCode(self._codes.kept(request.code), request.store)
        return await self._edge.write(request, fulfilment.verify_code, command, render=redemption.render)

    async def TransferPoints(self, request: tpb.TransferPointsRequest, context: ServicerContext) -> tpb.PointTransfer:
        """Give points to another member."""
        answer: tpb.PointTransfer = await self._transfer(request, point_transfer.transfer(request))
        return answer

    async def ListPointTransfers(
        self, request: tpb.ListPointTransfersRequest, context: ServicerContext
    ) -> tpb.ListPointTransfersResponse:
        """Read a page of what a member gave away."""
        page = page_of(request, self._tokens)
        rows = await self._edge.read(point_transfers.page, point_transfer.giver(request), page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda row: (str(row.id),))
        shown = [point_transfer.render(row) for row in rows[: page.size]]
        return tpb.ListPointTransfersResponse(point_transfers=shown, next_page_token=token)

    async def GetPointTransferPolicy(
        self, request: tpb.GetPointTransferPolicyRequest, context: ServicerContext
    ) -> tpb.PointTransferPolicy:
        """Read how much members may give to each other."""
        programme = point_transfer.policy_of(request.name)
        return point_transfer.policy(await self._edge.read(point_transfers.policy, programme))

    async def UpdatePointTransferPolicy(
        self, request: tpb.UpdatePointTransferPolicyRequest, context: ServicerContext
    ) -> tpb.PointTransferPolicy:
        """Change how much members may give to each other."""
        command = point_transfer.update(request)
        return await self._edge.write(request, point_transfers.update, command, render=point_transfer.policy)
