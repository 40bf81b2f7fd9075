"""Names of the headers that an event carries: CloudEvents attributes, the trace, and what became of earlier tries."""

from __future__ import annotations

from typing import Final

CONTENT_TYPE: Final = "application/json"
"""The body is the proto JSON of the message that `CE_TYPE` names."""

CE_ID: Final = "ce_id"
"""The event's id, a UUID: consumers drop what they have seen."""
CE_TYPE: Final = "ce_type"
"""The full name of the message, `kehu.orders.v1.OrderPaid`."""
CE_SOURCE: Final = "ce_source"
"""Who says so: `kehu/orders`."""
CE_SUBJECT: Final = "ce_subject"
"""The resource that the event is about, `orders/<id>`."""
CE_SUBJECTVERSION: Final = "ce_subjectversion"
"""The subject's version after the event: of two, the newer one holds."""
CE_TIME: Final = "ce_time"
"""When the transaction behind the event ran, RFC 3339 in UTC."""
TRACEPARENT: Final = "traceparent"
"""W3C trace context."""

ATTEMPT: Final = "kehu_attempt"
"""How often a consumer has tried this event alone and failed."""
REASON: Final = "kehu_reason"
"""Why it failed last: a Fault's reason, or the name of an exception."""
QUEUE: Final = "kehu_queue"
"""The queue that it failed in."""
FAILED_TIME: Final = "kehu_failed_time"
"""When it failed last, RFC 3339 in UTC."""

BROKERS_OWN: Final = ("x-death", "x-first-death-", "x-last-death-", "x-delivery-count", "x-acquired-count")
"""Beginnings of the headers that RabbitMQ adds. They are taken off before an event is published again: before 4.0 the
broker reads `x-death` in a published message, sees a cycle, and drops the message silently."""
