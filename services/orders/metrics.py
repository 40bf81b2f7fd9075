"""What orders counts. Counters count what was committed, in the process that committed it: add them up. Gauges are of
the whole service, told by each process that looks: take the greatest."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from kit.telemetry import LATENCY_BUCKETS, Bounded, counting
from services.orders.domain.events import OrderCancelled, OrderCompleted, OrderPaid, OrderPlaced, OrderRefunded

# Business. `imported` is "true" for the history of orders that were paid elsewhere, and "false" for sales.
PLACED = Counter("orders_placed_total", "Orders that were placed.", ["channel"])
PAID = Counter("orders_paid_total", "Orders that were paid in full, or imported as paid.", ["channel", "imported"])
GMV = Counter(
    "orders_gmv_minor_total",
    "What paid orders cost, points and other tenders included, in minor units.",
    ["currency", "imported"],
)
COMPLETED = Counter("orders_completed_total", "Orders that were completed.")
CANCELLED = Counter("orders_cancelled_total", "Orders that were given up: customer, merchant, expired.", ["reason"])
REFUNDED = Counter("orders_refunded_minor_total", "Money that refunds gave back, in minor units.", ["currency"])
OVERSOLD = Gauge("stock_oversold_units", "Units that orders hold and that are not on hand: 0, always.")
BACKORDERED = Gauge("stock_backordered_units", "Units that are promised before they arrive.")

# Checkouts: the sagas of orders.
SAGAS = Gauge("sagas_open", "Sagas that are not at their end: checkouts neither placed nor released.", ["state"])
SAGA_AGE = Gauge("saga_oldest_seconds", "Age of the oldest saga that is not at its end.", ["state"])
TAKEN_UP = Counter("checkouts_taken_up_total", "Times that a replica took up a checkout, repeats included.")
STEPS = Counter(
    "checkout_steps_total",
    "Steps of checkouts in other services: held or released, refused, or without an answer (failed).",
    ["step", "action", "outcome"],
)

# Payments.
PROVIDER_CALLS = Histogram(
    "payment_provider_call_duration_seconds",
    "Attempts to call a payment provider by outcome: ok, refused, unknown.",
    ["provider", "call", "outcome"],
    buckets=LATENCY_BUCKETS,
)
NOTICES = Counter(
    "payment_notices_total", "Notices of payment providers, by what became of them.", ["provider", "outcome"]
)
INTENTS_PARKED = Gauge("payment_intents_parked", "Payment intents that wait for a person.")
REFUNDS_FAILED = Gauge("payment_refunds_failed", "Refunds that providers refused for good.")
NOTICES_UNAPPLIED = Gauge("payment_notices_unapplied", "Stored notices of providers that have had no effect yet.")
BILLS_UNCOMPARED = Gauge(
    "payment_bills_uncompared", "Bills of providers, older than yesterday's, that were not compared."
)
BILLS_DIFFER = Gauge("payment_reconciliation_differences", "Unexplained differences from providers' bills.")

# Orders of other platforms. Platforms are few, and named in the code.
CHANNEL_CALLS = Histogram(
    "channel_call_duration_seconds",
    "Attempts to call another platform by outcome: ok, refused, unknown.",
    ["provider", "call", "outcome"],
    buckets=LATENCY_BUCKETS,
)
PULLS = Counter(
    "channel_pulls_total", "Rounds of pulls of shops, by what became of them: ok, failed.", ["platform", "outcome"]
)
PULLED = Counter(
    "channel_pulled_orders_total",
    "Orders that pulls told, repeats included: created, updated, unchanged, outdated, exception, rejected.",
    ["platform", "outcome"],
)
PULL_LAG = Gauge(
    "channel_pull_lag_seconds", "How far the shop that was asked last is behind its platform.", ["platform"]
)

# Flash sales.
BOUGHT = Counter("flash_sale_bought_units_total", "Units of flash sales that orders took.")
REFUSED = Counter("flash_sale_refused_total", "Calls to buy in flash sales that were refused.", ["reason"])
ASTRAY = Gauge("flash_sale_units_astray", "Units of flash sales that no order accounts for, or two do: 0, always.")

# Proof.
DIFFERENCES = Gauge("order_differences", "What differs between what is kept of orders and what follows.", ["check"])
VERIFIED = Gauge("orders_verified_timestamp_seconds", "When all orders were last recomputed and compared.")

_channel = Bounded()


def _placed(fact: OrderPlaced) -> None:
    PLACED.labels(_channel(fact.order.channel)).inc()


def _paid(fact: OrderPaid) -> None:
    order = fact.order
    if order.imported and order.version > 1:
        return  # imported once more, with other contents: it was counted the first time
    imported = "true" if order.imported else "false"
    PAID.labels(_channel(order.channel), imported).inc()
    GMV.labels(order.currency, imported).inc(order.total)


def _cancelled(fact: OrderCancelled) -> None:
    reason = fact.order.cancel_reason
    CANCELLED.labels(reason.lower() if reason else "").inc()


def _refunded(fact: OrderRefunded) -> None:
    REFUNDED.labels(fact.refund.amount.currency).inc(fact.refund.amount.minor)


count = counting(
    {
        OrderPlaced: _placed,
        OrderPaid: _paid,
        OrderCompleted: lambda _: COMPLETED.inc(),
        OrderCancelled: _cancelled,
        OrderRefunded: _refunded,
    }
)
"""Counts what a transaction did, once it is committed."""
