"""Where failed events go: to a retry queue or the dead queue. The broker confirms each before it is acknowledged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import amqp

from kit import broker
from kit.broker import headers
from kit.worker.verdict import Failure

_PERSISTENT = 2
_CONFIRM_SECONDS = 10


class NotTaken(Exception):
    """The broker did not take charge of a failed event; it must not be acked."""


def publish(url: str, service: str, queue: str, failures: Sequence[Failure], *, now: datetime) -> None:
    """Hand failed events of `queue` back to the broker. Raises NotTaken, or one of kit.broker.BROKER_ERRORS.

    A connection for the occasion: failures are rare, and the consumer's own connection is being read by another
    greenlet, which would take the confirmations away.
    """
    with broker.connect(url, name=f"{queue} failures", confirms=True) as connection:
        channel = connection.channel()
        for failure in failures:
            _publish(channel, service, queue, failure, now)


def _publish(channel: amqp.Channel, service: str, queue: str, failure: Failure, now: datetime) -> None:
    delivery = failure.delivery
    message = amqp.Message(
        delivery.body,
        content_type=delivery.content_type,
        delivery_mode=_PERSISTENT,
        message_id=delivery.id,
        application_headers={
            **_own(delivery.headers),
            headers.ATTEMPT: failure.attempts,
            headers.REASON: failure.reason,
            headers.QUEUE: queue,
            headers.FAILED_TIME: now.isoformat(),
        },
    )
    exchange = broker.dead_exchange(service) if failure.delay is None else broker.retry_exchange(service, failure.delay)
    try:
        channel.basic_publish(message, exchange, routing_key=queue, mandatory=True, timeout=_CONFIRM_SECONDS)
    except amqp.MessageNacked as nacked:
        raise NotTaken(exchange) from nacked


def _own(found: Mapping[str, Any]) -> dict[str, Any]:
    """The headers without the broker's."""
    return {key: value for key, value in found.items() if not key.startswith(headers.BROKERS_OWN)}
