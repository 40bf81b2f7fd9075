"""Send what the outbox holds to RabbitMQ: in order, each event confirmed by the broker before its row is marked.

One relay of a service is active, the others stand by. See docs/life-of-an-event.md.
"""

from __future__ import annotations

from kit.relay.process import Limits, main, run

__all__ = ["Limits", "main", "run"]
