"""Requests of any shape, made from the descriptors: what a careless or hostile client may send to an RPC."""

from __future__ import annotations

from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

_DEPTH = 4
_ID = "018f0000-0000-7000-8000-000000000001"
_NAMES = [
    f"{collection}/{_ID}"
    for collection in (
        "members",
        "products",
        "orders",
        "flashSales",
        "groupBuys",
        "bargains",
        "presales",
        "coupons",
        "couponTemplates",
        "segments",
        "automations",
        "accounts",
        "contacts",
        "leads",
        "opportunities",
        "quotes",
        "reps",
        "programmes",
        "receiptKeys",
        "badges",
        "rewards",
        "merges",
    )
]
_NASTY = [
    "",
    " ",
    "\0",
    "a\0b",
    "' or 1=1 --",
    "%s%n{}",
    "../../etc/passwd",
    "null",
    "客户",
    "🀄️" * 10,
    "\u202e\u0301",
    "x" * 5000,
    "+8613800138000",
    "a@example.com",
    "CNY",
    "JPY",
    "-1",
    "members/",
    "members/x",
    _ID,
    *_NAMES,
    f"members/{_ID}/holds/{_ID}",
    f"members/{_ID}/balance",
    f"flashSales/{_ID}/figures",
    f"groupBuys/{_ID}/groups/{_ID}",
    f"bargains/{_ID}/haggles/{_ID}",
    f"members/{_ID}/loyaltyCards/1",
    f"members/{_ID}/checkInCalendar",
    f"members/{_ID}/referral",
    f"members/{_ID}/referralCode",
    "engagementPolicies/default",
    f"members/{_ID}/storedValues/CNY",
    "storedValueRules/CNY",
    f"rightsCards/{_ID}/uses/{_ID}",
    f"members/{_ID}/redemptions/{_ID}",
    "members/-",
    "pointTransferPolicies/default",
    f"orders/{_ID}/refunds/{_ID}",
    f"orders/{_ID}/paymentIntents/{_ID}",
    f"orders/{_ID}/providerRefunds/{_ID}",
    f"reconciliationDifferences/{_ID}",
    "orders/-",
]

_INT32 = st.sampled_from([0, 1, -1, 2, 50, 1000, 2**31 - 1, -(2**31)]) | st.integers(-(2**31), 2**31 - 1)
_INT64 = st.sampled_from([0, 1, -1, 100, 10**15, 2**63 - 1, -(2**63)]) | st.integers(-(2**63), 2**63 - 1)
_SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.CPPTYPE_STRING: st.sampled_from(_NASTY) | st.text(max_size=40),
    FieldDescriptor.CPPTYPE_INT32: _INT32,
    FieldDescriptor.CPPTYPE_INT64: _INT64,
    FieldDescriptor.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: st.integers(0, 2**64 - 1),
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
    FieldDescriptor.CPPTYPE_DOUBLE: st.floats(),
    FieldDescriptor.CPPTYPE_FLOAT: st.floats(width=32),
}


@st.composite
def requests(draw: st.DrawFn, descriptor: Descriptor, depth: int = 0) -> Message:
    """A message of the descriptor: each field left out, or given an ordinary, an extreme or a nonsensical value."""
    message = message_factory.GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if not draw(st.integers(0, 3)):
            continue
        if field.is_repeated:
            _fill(draw, getattr(message, field.name), field, depth)
        elif field.message_type is not None:
            if depth < _DEPTH:
                getattr(message, field.name).CopyFrom(draw(requests(field.message_type, depth + 1)))
        else:
            setattr(message, field.name, draw(_scalar(field)))
    return message


def _fill(draw: st.DrawFn, target: Any, field: FieldDescriptor, depth: int) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return
    for _ in range(draw(st.integers(0, 3))):
        if field.message_type is None:
            target.append(draw(_scalar(field)))
        elif depth < _DEPTH:
            target.add().CopyFrom(draw(requests(field.message_type, depth + 1)))


def _scalar(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if field.enum_type is not None:
        return st.sampled_from([value.number for value in field.enum_type.values] + [99])
    if field.type == FieldDescriptor.TYPE_BYTES:
        return st.binary(max_size=40)
    return _SCALARS[field.cpp_type]
