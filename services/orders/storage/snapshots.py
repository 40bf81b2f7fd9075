"""What an order keeps of the merchant's terms of delivery, tax and payment, as the JSON of its row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from services.orders.domain.instalments import Instalments
from services.orders.domain.shipping import Delivery, MethodKind
from services.orders.domain.tax import Rounding, Taxation


def delivery_text(delivery: Delivery | None) -> str | None:
    """The JSON of a delivery."""
    if delivery is None:
        return None
    return json.dumps(
        {
            "method": str(delivery.method),
            "kind": delivery.kind.value,
            "title": delivery.title,
            "days": delivery.days,
            "location": delivery.location,
        }
    )


def delivery_of(stored: Mapping[str, Any] | None) -> Delivery | None:
    """The delivery in a row."""
    if stored is None:
        return None
    fewest, most = stored["days"]
    return Delivery(
        UUID(stored["method"]), MethodKind(stored["kind"]), stored["title"], (fewest, most), stored["location"]
    )


def taxation_text(taxation: Taxation | None) -> str | None:
    """The JSON of a taxation."""
    if taxation is None:
        return None
    return json.dumps(
        {"table": str(taxation.table), "included": taxation.included, "rounding": taxation.rounding.value}
    )


def taxation_of(stored: Mapping[str, Any] | None) -> Taxation | None:
    """The taxation in a row."""
    if stored is None:
        return None
    return Taxation(UUID(stored["table"]), stored["included"], Rounding(stored["rounding"]))


def instalments_text(instalments: Instalments | None) -> str | None:
    """The JSON of instalments."""
    if instalments is None:
        return None
    window = [instalments.start.isoformat(), instalments.end.isoformat()]
    return json.dumps({"deposit": instalments.deposit, "balance": window, "forfeit": instalments.forfeit})


def instalments_of(stored: Mapping[str, Any] | None) -> Instalments | None:
    """The instalments in a row."""
    if stored is None:
        return None
    start, end = map(datetime.fromisoformat, stored["balance"])
    return Instalments(stored["deposit"], start, end, stored["forfeit"])
