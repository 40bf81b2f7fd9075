"""The audit log: one line for each privileged call, whether it was done or refused.

A call is privileged unless its scope is one of reading or of everyday selling, so a new method is recorded until
somebody decides otherwise. The line says who (subject and roles), what (method and the resource named), how it ended
and the trace; never a field that may be personal.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from google.protobuf.message import Message

from kit.errors import Fault
from kit.rpc.call import Identity, Method
from kit.telemetry import record

EVERYDAY = frozenset(
    {
        # Shoppers, and tills and shops on their behalf.
        *("orders.place", "orders.pay", "carts.use", "flash_sales.buy", "group_buys.join", "bargains.haggle"),
        *("presales.buy", "engagement.write", "points.write", "coupons.write", "stored_value.write"),
        *("gift_cards.write", "rights_cards.write", "redemptions.write", "invoices.request", "stock.reserve"),
        # What other systems bring in, row by row.
        *("leads.write", "members.write", "orders.import", "orders.ingest", "products.import"),
    }
)
"""Scopes of ordinary business. The rows themselves tell who did it and when."""

PRIVILEGED_READS = frozenset({"audit.read"})

_NAME = re.compile(r"[A-Za-z]+/[A-Za-z0-9_.~-]{1,63}(/[A-Za-z0-9_.~-]{1,63})*")


def privileged(scope: str) -> bool:
    """Whether calls of methods with this scope are recorded."""
    return scope in PRIVILEGED_READS or (bool(scope) and scope not in EVERYDAY and not scope.endswith(".read"))


def write(method: Method, identity: Identity, request: object, fault: Fault | None) -> None:
    """Record a call of a privileged method. A call that was broken off ends UNKNOWN."""
    broken = fault is None and sys.exception() is not None
    record(
        "audit",
        method=method.name,
        scope=method.scope,
        caller=identity.subject,
        roles=" ".join(identity.roles),
        org=identity.org,
        resource=resource(request),
        status=fault.kind.value if fault else "UNKNOWN" if broken else "OK",
        reason=fault.reason if fault else "",
    )


def resource(request: object) -> str:
    """The name of what a request is about; empty where it names nothing, or several."""
    if not isinstance(request, Message):
        return ""
    return next((name for name in _names(request) if _NAME.fullmatch(name)), "")


def _names(request: Message) -> Iterator[str]:
    fields = request.DESCRIPTOR.fields_by_name
    for own in ("name", "parent", "member", "merged_member"):
        if own in fields and fields[own].type == fields[own].TYPE_STRING and not fields[own].is_repeated:
            yield getattr(request, own)
    for field, value in request.ListFields():
        inner = field.message_type
        if inner is not None and not field.is_repeated and "name" in inner.fields_by_name:
            yield str(value.name)
