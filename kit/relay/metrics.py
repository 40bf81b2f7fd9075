"""What a relay counts."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

ACTIVE = Gauge("relay_active", "Whether this relay is the one that sends.")
PUBLISHED = Counter("relay_published_total", "Events that the broker took charge of.", ["event"])
UNROUTED = Counter("relay_unrouted_total", "Published events that nobody listens to.", ["event"])
FAILED = Counter("relay_failed_total", "Refusals of single events.", ["event"])
BATCH = Histogram("relay_batch_size", "Events sent at once.", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512))
PARKED = Gauge("relay_parked", "Events given up; each needs an operator.")
UNPUBLISHED = Gauge("outbox_unpublished_rows", "Events that wait to be sent, up to 100,000.")
OLDEST = Gauge("outbox_oldest_unpublished_seconds", "Age of the oldest event that waits to be sent.")
