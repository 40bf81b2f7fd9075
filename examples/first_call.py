"""A first gRPC call: enrol a member, read the balance. Needs `make up` and a token: `kehu token --role admin`."""

from __future__ import annotations

import sys
import uuid

import grpc
from kehu.members.v1.members_pb2 import EnrollMemberRequest, GetBalanceRequest, Member
from kehu.members.v1.members_pb2_grpc import MembersServiceStub


def main(token: str, gateway: str = "127.0.0.1:8080") -> None:
    """Enrol somebody and show what the service knows of them."""
    metadata = [("authorization", f"Bearer {token}")]
    with grpc.insecure_channel(gateway) as channel:
        members = MembersServiceStub(channel)
        # The same request_id makes a repeat of this call safe: it answers the same member.
        request = EnrollMemberRequest(member=Member(display_name="韩梅梅"), request_id=str(uuid.uuid4()))
        member = members.EnrollMember(request, metadata=metadata)
        balance = members.GetBalance(GetBalanceRequest(name=f"{member.name}/balance"), metadata=metadata)
    print(member, balance, sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
