"""Events: from the outbox over the relay and the broker to their effect."""

from __future__ import annotations

from deploy.observability.panels import (
    Board,
    Query,
    Row,
    Unit,
    average,
    lines,
    number,
    quantiles,
    rate,
    seen,
    slowest,
    stacked,
    total,
)

_NOW = Row(
    "Now",
    (
        number(
            "Wait to be sent",
            "Rows in all outboxes; each counts up to 100,000.",
            Unit.COUNT,
            "sum(max by (service) (outbox_unpublished_rows))",
            runbook="events-are-not-sent",
            warn=1000,
            bad=10000,
        ),
        number(
            "Wait to be handled",
            "Messages in all queues.",
            Unit.COUNT,
            "sum(max by (queue) (consumer_queue_messages))",
            runbook="events-are-not-handled",
            warn=1000,
            bad=10000,
        ),
        number(
            "Dead letters",
            "Events that were given up. Each needs a person.",
            Unit.COUNT,
            "sum(max by (queue) (dead_letters))",
            runbook="dead-letters-wait",
            bad=1,
        ),
        number(
            "Parked by relays",
            "Events that the broker refuses. Each needs a person.",
            Unit.COUNT,
            "sum(max by (service) (relay_parked))",
            runbook="events-are-parked",
            bad=1,
        ),
        number(
            "Relays that send",
            "One per service. Fewer: events of a service wait.",
            Unit.COUNT,
            "sum(relay_active)",
            runbook="no-relay-sends",
            warn=4,
            bad=3,
            low_is_bad=True,
        ),
        number(
            "Queues without a consumer",
            "Queues whose consumers have no connection to the broker.",
            Unit.COUNT,
            "sum(sum by (queue) (consumer_connected) == bool 0)",
            runbook="a-consumer-is-disconnected",
            bad=1,
        ),
    ),
)

_SENDING = Row(
    "Sending",
    (
        lines(
            "Events sent",
            "What the broker took charge of, a second.",
            Unit.PER_SECOND,
            rate("relay_published_total", "event"),
            runbook="no-relay-sends",
        ),
        lines(
            "Oldest event that waits",
            "Age of the oldest row in each outbox.",
            Unit.SECONDS,
            seen("outbox_oldest_unpublished_seconds", "service"),
            runbook="events-are-not-sent",
            warn=10,
            bad=60,
        ),
        lines(
            "Events at once",
            "Events per round of a relay, on average.",
            Unit.COUNT,
            average("relay_batch_size", "service"),
            runbook="events-are-not-sent",
        ),
        lines(
            "Events nobody listens to",
            "Published and dropped by the broker, for no queue wants them. Normal for some kinds.",
            Unit.PER_SECOND,
            rate("relay_unrouted_total", "event"),
            runbook="events-are-parked",
            width=12,
        ),
        lines(
            "Events refused by the broker",
            "A second. After some tries such an event is parked.",
            Unit.PER_SECOND,
            rate("relay_failed_total", "event"),
            runbook="events-are-parked",
            width=12,
        ),
    ),
)

_HANDLING = Row(
    "Handling",
    (
        stacked(
            "Events handled",
            "By outcome: ok, duplicate (harmless), retry (it is tried again later), dead (it is given up).",
            Unit.PER_SECOND,
            rate("events_handled_total", "outcome"),
            runbook="dead-letters-wait",
        ),
        lines(
            "Age of effects",
            "p99 from the commit behind an event to the commit of its effect.",
            Unit.SECONDS,
            Query(
                "histogram_quantile(0.99, sum by (le, queue) (rate(event_age_seconds_bucket[$__rate_interval])))",
                "{{queue}}",
            ),
            runbook="slo-event-freshness",
            warn=5,
        ),
        lines(
            "Messages that wait",
            "In each queue.",
            Unit.COUNT,
            seen("consumer_queue_messages", "queue"),
            runbook="events-are-not-handled",
        ),
        lines(
            "How long a batch takes",
            "One transaction: inbox, handler, commit.",
            Unit.SECONDS,
            *quantiles("event_handler_duration_seconds", "queue"),
            runbook="events-are-not-handled",
        ),
        lines(
            "Events per batch",
            "On average. It grows when events wait.",
            Unit.COUNT,
            average("event_batch_size", "queue"),
            runbook="events-are-not-handled",
        ),
        lines(
            "Consumers connected",
            "Consumers with a connection to the broker, by queue.",
            Unit.COUNT,
            total("consumer_connected", "queue"),
            runbook="a-consumer-is-disconnected",
        ),
        lines(
            "Batches held for the database",
            "Batches that waited for the database to come back.",
            Unit.PER_SECOND,
            rate("consumer_held_total", "queue"),
            runbook="the-database-is-down",
        ),
        lines(
            "Timers that fail",
            "Runs of timers that ended with an error, a second.",
            Unit.PER_SECOND,
            rate("timer_runs_total", "timer", selector='{outcome="error"}'),
            runbook="timers-fail",
        ),
        lines(
            "How long timers take",
            "p99 of the five slowest.",
            Unit.SECONDS,
            slowest("timer_duration_seconds", "timer", most=5),
            runbook="timers-fail",
        ),
    ),
)

BOARD = Board(
    "events",
    "Events",
    "From the outbox over the relay and the broker to the effect: what waits, what fails, how old effects are.",
    (_NOW, _SENDING, _HANDLING),
)
