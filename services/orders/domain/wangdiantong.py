"""旺店通: what the codes of its trade status mean for an order here, and the bits of what is exceptional about it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Meaning(StrEnum):
    """How an order stands on its platform."""

    UNPAID = "UNPAID"
    PAID = "PAID"
    SHIPPED = "SHIPPED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    REFUNDED = "REFUNDED"


STATUSES: Mapping[int, Meaning] = {
    4: Meaning.REFUNDED,  # 线下退款: given back past the platform
    5: Meaning.CANCELLED,  # 已取消: cancelled
    6: Meaning.PAID,  # 待转预订单(待审核): is to become a pre-order, waits for its review
    10: Meaning.UNPAID,  # 待付款: waits for its payment
    12: Meaning.UNPAID,  # 待尾款: waits for the rest of its payment
    15: Meaning.UNPAID,  # 等未付: held back, for the same buyer has not paid another order yet
    16: Meaning.PAID,  # 延时审核: its review is put off
    19: Meaning.PAID,  # 预订单前处理: a pre-order that is prepared for its review
    20: Meaning.PAID,  # 前处理(赠品、合并、拆分): gifts are added, orders merged and split before its review
    21: Meaning.PAID,  # 自流转: goes its way by itself
    23: Meaning.PAID,  # 异常预订单: exceptional
    24: Meaning.PAID,  # 换货预订单: a pre-order of an exchange
    25: Meaning.PAID,  # 待处理预订单: a pre-order that somebody has to look at
    27: Meaning.PAID,  # 待分配预订单: a pre-order that waits for goods
    30: Meaning.PAID,  # 待客审: waits for the review by customer service
    35: Meaning.PAID,  # 待财审: waits for the review by finance
    40: Meaning.PAID,  # 待递交仓库: is being handed over to the warehouse
    55: Meaning.PAID,  # 已审核: reviewed
    95: Meaning.SHIPPED,  # 已发货: shipped
    96: Meaning.SHIPPED,  # 成本确认: its cost is being confirmed
    101: Meaning.SHIPPED,  # 已过账: posted
    110: Meaning.COMPLETED,  # 已完成: done
}

EXCEPTIONS: Mapping[int, str] = {
    2: "ADDRESS",  # 地址发生变化: the address has changed
    4: "INVOICE",  # 发票发生变化: the invoice has changed
    8: "WAREHOUSE",  # 仓库发生变化: the warehouse has changed
    16: "REMARK",  # 备注发生变化: the remark has changed
    32: "GOODS",  # 货品发生变化: the goods have changed
    128: "GIFT_INTERCEPTED",  # 拦截赠品: a gift was intercepted
    256: "EXCHANGE_INTERCEPTED",  # 拦截换货: an exchange was intercepted
    512: "BUYER_MESSAGE",  # 买家留言变化: the buyer's message has changed
    1024: "SHIPPED_ON_PLATFORM",  # 拦截平台已发货: the platform says that it was shipped already
}


def exceptions(bits: int) -> tuple[str, ...]:
    """What the bits say, the lowest first; a bit that nobody knows is told by its number."""
    set_bits = [1 << place for place in range(bits.bit_length()) if bits >> place & 1]
    return tuple(EXCEPTIONS.get(bit, f"BIT_{bit}") for bit in set_bits)
