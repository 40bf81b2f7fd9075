"""What pipeline listens to, and what it does by the clock."""

from __future__ import annotations

from collections.abc import Sequence

from kehu.orders.v1.events_pb2 import OrderPlaced

from kit import names
from kit.telemetry import log
from kit.worker import Received, Subscriptions
from services.pipeline import metrics
from services.pipeline.usecases import lead, opportunity
from services.pipeline.usecases.lead import LeadWork
from services.pipeline.usecases.opportunity import LinkOrder, OpportunityWork

subscriptions = Subscriptions("pipeline")

_LEADS_AT_ONCE = 100


@subscriptions.on("orders", OrderPlaced, queue="pipeline.orders")
def keep_orders(unit: OpportunityWork, events: Sequence[Received]) -> None:
    """An opportunity keeps the order that it became.

    Orders of consumers are passed over. So is an opportunity that isn't ours, after a line in the log: whoever places
    an order may name any, and no retry would make it known.
    """
    links = [_link(event) for event in events if event.message.opportunity]
    for unknown in opportunity.link_orders(unit, links):
        log.warning("order of an unknown opportunity", opportunity=names.join("opportunities", unknown))


@subscriptions.every(seconds=5)
def assign_waiting_leads(unit: LeadWork) -> None:
    """Leads that came while nobody was available get an owner as soon as somebody is."""
    lead.assign_waiting(unit, _LEADS_AT_ONCE)


@subscriptions.every(seconds=15)
def tell_leads(unit: LeadWork) -> None:
    """Tell how many leads wait for an owner. Every replica shows it."""
    metrics.WAITING.set(lead.waiting(unit))


@subscriptions.every(seconds=15)
def tell_funnel(unit: OpportunityWork) -> None:
    """Tell where opportunities stand. Every replica shows it."""
    for stage, number in opportunity.standing(unit).items():
        metrics.OPEN.labels(stage).set(number)


def _link(event: Received) -> LinkOrder:
    """A name that can't be one is a fault for good: the event goes to the dead letters, its neighbours go on."""
    return LinkOrder(
        opportunity=names.id_of("opportunities", event.message.opportunity, field="opportunity"),
        order=names.id_of("orders", event.message.order, field="order"),
    )
