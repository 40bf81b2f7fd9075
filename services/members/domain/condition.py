"""What conditions of rules may speak of. Amounts are minor units, so that `order.net >= 10000` is 100.00 in USD."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from kit.cel import BOOL, INT, STRING, Condition, Context, Language, List, Record
from services.members.domain.basket import Basket

LANGUAGE = Language(
    {
        "order": Record(
            {
                "channel": STRING,
                "store": STRING,
                "total": INT,
                "net": INT,
                "freight": INT,
                "lines": List(Record({"product": STRING, "category": STRING, "quantity": INT, "amount": INT})),
            }
        ),
        "pay_time": Record({"date": STRING, "month": INT, "day": INT, "weekday": INT, "hour": INT, "minute": INT}),
        "member": Record({"tier": STRING, "tags": List(STRING), "first_purchase": BOOL, "birthday_month": INT}),
    }
)
"""`total` is with what points paid, `net` the money alone; a weekday is 1 (Monday) to 7; the times are those of the
programme's zone; `birthday_month` is 0 when it is not known."""


@dataclass(frozen=True, slots=True)
class Person:
    """What rules may know of a member, as it was when the order was first heard of."""

    tier: str = "base"
    tags: tuple[str, ...] = ()
    first_purchase: bool = False
    birthday_month: int = 0


@lru_cache(maxsize=1024)
def compiled(source: str) -> Condition:
    """The condition, compiled once per process. Raises a Mistake for a text that is none."""
    return LANGUAGE.compile(source)


def context(basket: Basket, person: Person, pay_time: datetime, zone: ZoneInfo) -> Context:
    """The values that conditions are judged by."""
    local = pay_time.astimezone(zone)
    goods = sum(line.amount for line in basket.lines) if basket.lines else basket.paid - basket.freight
    return Context(
        {
            "order": {
                "channel": basket.channel,
                "store": basket.store,
                "total": goods + basket.freight,
                "net": basket.paid,
                "freight": basket.freight,
                "lines": [
                    {
                        "product": line.product,
                        "category": line.category,
                        "quantity": line.quantity,
                        "amount": line.amount,
                    }
                    for line in basket.lines
                ],
            },
            "pay_time": {
                "date": local.date().isoformat(),
                "month": local.month,
                "day": local.day,
                "weekday": local.isoweekday(),
                "hour": local.hour,
                "minute": local.minute,
            },
            "member": {
                "tier": person.tier,
                "tags": list(person.tags),
                "first_purchase": person.first_purchase,
                "birthday_month": person.birthday_month,
            },
        }
    )
