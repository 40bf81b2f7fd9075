"""A steady stream of orders, at a rate that does not depend on how fast they are answered."""

from __future__ import annotations

import asyncio
import time
import uuid

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money
from kehu.members.v1 import members_pb2
from kehu.orders.v1 import imports_pb2

from cli.importing.gateway import Gateway
from cli.importing.messages import member_of, why_refused
from deploy.local.problem import Problem

CHANNEL = "steady"
_MEMBERS = 200


def stream(gateway: str, token: str, *, per_second: int, seconds: int) -> int:
    """Send single paid orders of a few members at a fixed rate; answers how many. Raises Problem if one is refused."""
    return asyncio.run(_stream(gateway, token, per_second, per_second * seconds))


async def _stream(address: str, token: str, per_second: int, count: int) -> int:
    run = uuid.uuid4().hex[:12]
    async with Gateway(address, token) as gateway:
        members = [member_of(answer) for answer in await gateway.enroll([_customer(n) for n in range(_MEMBERS)])]
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                await asyncio.sleep(max(began + number / per_second - time.monotonic(), 0))
                group.create_task(_send(gateway, f"{run}-{number}", members[number % _MEMBERS]))
    return count


def _customer(number: int) -> members_pb2.EnrollRow:
    """Somebody with a name, a phone and an e-mail address, which are nobody's."""
    return members_pb2.EnrollRow(
        channel=CHANNEL,
        external_id=f"customer-{number}",
        display_name=f"常客第{number}位",
        phone=f"+86139{number:08d}",
        email=f"steady-customer-{number}@example.com",
    )


async def _send(gateway: Gateway, external_id: str, member: str) -> None:
    line = imports_pb2.ImportedLine(title="Coffee", quantity=1, amount=Money(currency_code="USD", units=4))
    order = imports_pb2.ImportedOrder(
        channel=CHANNEL,
        external_id=external_id,
        member=member,
        order_time=Timestamp(seconds=int(time.time())),
        lines=[line],
    )
    why = why_refused((await gateway.import_orders([order]))[0])
    if why:
        raise Problem(f"An order of the steady stream was refused: {why.reason}, {why.explanation}.")
