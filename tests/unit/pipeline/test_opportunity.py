"""Opportunities: the table of stages, its gates, and the history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from kit.errors import Fault
from kit.money import Money
from services.pipeline.domain.contact import Role
from services.pipeline.domain.events import OpportunityStageChanged, OpportunityWon
from services.pipeline.domain.opportunity import MAX_AMOUNT, Changed, Opportunity, StageChange
from services.pipeline.domain.stage import STAGES, Step
from tests.support.builders.pipeline import NOW, after, line, opportunity, quote, ripe, under

KEYS = [stage.key for stage in STAGES.all]
OPEN = [stage.key for stage in STAGES.open]


def test_an_opportunity_begins_in_the_first_stage_with_a_step() -> None:
    begun = ripe().begun("tester")
    assert begun.opportunity.stage == "QUALIFY"
    assert begun.steps == (
        StageChange(begun.opportunity.id, 1, "", "QUALIFY", NOW, "tester", Money(100_00, "USD"), ""),
    )
    assert begun.facts == ()


def test_a_move_leaves_a_step_and_tells_others() -> None:
    moved = ripe().moved("DEVELOP", under(minutes=5), reason=" ok ")
    assert (moved.opportunity.stage, moved.opportunity.stage_time, moved.opportunity.version) == (
        "DEVELOP",
        after(5),
        2,
    )
    assert [(step.from_stage, step.to_stage, step.reason) for step in moved.steps] == [("QUALIFY", "DEVELOP", "ok")]
    assert moved.facts == (OpportunityStageChanged(moved.opportunity.id, 2, "QUALIFY", "DEVELOP", after(5)),)


@pytest.mark.parametrize(
    ("given", "to", "roles", "missing"),
    [
        (opportunity(), "DEVELOP", (), "amount"),
        (opportunity(stage="DEVELOP"), "PROPOSE", (), "amount, close_date"),
        (ripe(stage="PROPOSE"), "NEGOTIATE", (Role.USER, Role.CHAMPION), "economic_buyer_or_decider"),
        (opportunity(), "NEGOTIATE", (), "amount, close_date, economic_buyer_or_decider"),
        (opportunity(stage="NEGOTIATE"), "PROPOSE", (), "amount, close_date"),
    ],
)
def test_a_stage_is_shut_to_what_lacks_something(
    given: Opportunity, to: str, roles: tuple[Role, ...], missing: str
) -> None:
    with pytest.raises(Fault) as caught:
        given.moved(to, under(*roles), reason="anyway")
    assert caught.value.reason == "STAGE_GATE_SHUT"
    assert caught.value.metadata == {"stage": to, "missing": missing}


@pytest.mark.parametrize("role", [Role.ECONOMIC_BUYER, Role.DECIDER])
def test_negotiation_takes_somebody_who_can_buy(role: Role) -> None:
    assert ripe(stage="PROPOSE").moved("NEGOTIATE", under(role), reason="").opportunity.stage == "NEGOTIATE"


def test_an_amount_of_nothing_is_an_amount() -> None:
    assert opportunity(amount=Money(0, "USD")).moved("DEVELOP", under(), reason="").opportunity.stage == "DEVELOP"


@pytest.mark.parametrize(("start", "to"), [("QUALIFY", "PROPOSE"), ("PROPOSE", "DEVELOP"), ("PROPOSE", "QUALIFY")])
def test_to_skip_or_go_back_takes_a_reason(start: str, to: str) -> None:
    with pytest.raises(Fault) as caught:
        ripe(stage=start).moved(to, under(), reason="  ")
    assert caught.value.reason == "STAGE_REASON_MISSING"
    assert ripe(stage=start).moved(to, under(), reason="they asked").steps[0].reason == "they asked"


@pytest.mark.parametrize("to", ["WON", "LOST", "QUALIFY"])
def test_a_move_goes_to_another_open_stage(to: str) -> None:
    with pytest.raises(Fault) as caught:
        ripe().moved(to, under(), reason="x")
    assert caught.value.reason == "STAGE_STEP_UNKNOWN"


def test_an_unknown_stage_is_no_argument() -> None:
    with pytest.raises(Fault) as caught:
        ripe().moved("BOUGHT", under(), reason="x")
    assert caught.value.violations[0].field == "stage"


def test_winning_takes_the_price_of_the_quote_and_tells_what_was_sold() -> None:
    given = ripe(stage="NEGOTIATE")
    accepted = quote(given.id, line(3, 1_800_00), line(1, 50_00)).accepted(NOW)
    won = given.won(accepted, under(Role.DECIDER, minutes=1), reason="")
    assert (won.opportunity.stage, won.opportunity.quote) == ("WON", accepted.id)
    assert won.opportunity.amount == Money(5_450_00, "USD") == won.steps[0].amount
    sold = won.facts[1]
    assert isinstance(sold, OpportunityWon)
    assert (sold.total, sold.account, len(sold.lines)) == (Money(5_450_00, "USD"), given.account, 2)
    assert sold.version == won.opportunity.version


def test_winning_needs_the_quote_accepted() -> None:
    given = ripe(stage="NEGOTIATE")
    for refused in (quote(given.id), quote(given.id).accepted(NOW).superseded(NOW)):
        with pytest.raises(Fault) as caught:
            given.won(refused, under(Role.DECIDER), reason="")
        assert caught.value.metadata == {"stage": "WON", "missing": "accepted_quote"}


def test_winning_from_afar_needs_a_reason_and_all_that_was_skipped() -> None:
    given = opportunity()
    accepted = quote(given.id).accepted(NOW)
    with pytest.raises(Fault) as caught:
        given.won(accepted, under(), reason="")
    assert caught.value.reason == "STAGE_REASON_MISSING"
    with pytest.raises(Fault) as caught:
        given.won(accepted, under(), reason="signed at the fair")
    assert caught.value.metadata["missing"] == "close_date, economic_buyer_or_decider"


def test_winning_refuses_the_quote_of_another_opportunity_and_one_that_was_tampered_with() -> None:
    given = ripe(stage="NEGOTIATE")
    with pytest.raises(Fault) as caught:
        given.won(quote(uuid4()).accepted(NOW), under(Role.DECIDER), reason="")
    assert caught.value.reason == "QUOTE_OF_ANOTHER_OPPORTUNITY"
    cheaper = replace(quote(given.id).accepted(NOW), total=Money(1, "USD"))
    with pytest.raises(Fault) as caught:
        given.won(cheaper, under(Role.DECIDER), reason="")
    assert caught.value.reason == "QUOTE_CONTENT_DIFFERS"


@pytest.mark.parametrize("stage", OPEN)
def test_losing_is_possible_from_everywhere_and_says_to_whom_and_why(stage: str) -> None:
    lost = opportunity(stage=stage).lost(under(), reason="price", competitor="Rival").opportunity
    assert (lost.stage, lost.loss_reason, lost.competitor) == ("LOST", "price", "Rival")
    with pytest.raises(Fault) as caught:
        opportunity(stage=stage).lost(under(), reason=" ", competitor="")
    assert caught.value.metadata["missing"] == "reason, competitor"


@pytest.mark.parametrize("stage", ["WON", "LOST"])
def test_nothing_changes_after_the_end(stage: str) -> None:
    closed = ripe(stage=stage)
    changes: list[Callable[[], Changed]] = [
        lambda: closed.moved("DEVELOP", under(), reason="x"),
        lambda: closed.revised({"display_name": "x"}, by="tester", now=NOW),
        lambda: closed.lost(under(), reason="x", competitor="x"),
        lambda: closed.won(quote(closed.id), under(), reason="x"),
    ]
    for change in changes:
        with pytest.raises(Fault) as caught:
            change()
        assert caught.value.reason == "OPPORTUNITY_CLOSED"


def test_what_a_stage_needs_cannot_be_taken_away() -> None:
    given = ripe(stage="PROPOSE")
    for field in ("amount", "close_date"):
        with pytest.raises(Fault) as caught:
            given.revised({field: None}, by="tester", now=NOW)
        assert caught.value.metadata == {"stage": "PROPOSE", "missing": field}
    assert ripe().revised({"amount": None}, by="tester", now=NOW).opportunity.amount is None


def test_what_was_missing_before_does_not_stop_another_change() -> None:
    given = opportunity(stage="NEGOTIATE")
    assert given.revised({"display_name": "New"}, by="tester", now=NOW).opportunity.display_name == "New"


def test_a_new_amount_leaves_a_step_between_equal_stages_and_tells_nobody() -> None:
    changed = ripe(stage="DEVELOP").revised({"amount": Money(5, "EUR")}, by="tester", now=after(1))
    assert [(step.from_stage, step.to_stage, step.amount) for step in changed.steps] == [
        ("DEVELOP", "DEVELOP", Money(5, "EUR"))
    ]
    assert changed.facts == ()
    assert ripe().revised({"display_name": "x"}, by="tester", now=NOW).steps == ()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"display_name": " "}, "opportunity.display_name"),
        ({"amount": Money(-1, "USD")}, "opportunity.amount"),
        ({"amount": Money(MAX_AMOUNT, "USD")}, "opportunity.amount"),
    ],
)
def test_what_cannot_be_is_refused_on_its_field(changes: dict[str, object], field: str) -> None:
    with pytest.raises(Fault) as caught:
        ripe().revised(changes, by="tester", now=NOW)
    assert caught.value.violations[0].field == field


def test_the_first_order_stays() -> None:
    order = uuid4()
    linked = ripe().ordered(order, after(1))
    assert (linked.order, linked.version) == (order, 2)
    assert linked.ordered(uuid4(), after(2)) is linked


def test_history_never_runs_backwards() -> None:
    later = ripe().moved("DEVELOP", under(minutes=10), reason="").opportunity
    earlier = later.moved("PROPOSE", under(minutes=3), reason="")
    assert earlier.steps[0].change_time == after(10)


class Life(RuleBasedStateMachine):
    """Any sequence of commands leaves a history that the table allows."""

    def __init__(self) -> None:
        super().__init__()
        begun = opportunity().begun("tester")
        self.present = begun.opportunity
        self.history = list(begun.steps)
        self.minutes = 0

    @rule(
        to=st.sampled_from(KEYS), roles=st.frozensets(st.sampled_from(list(Role))), reason=st.sampled_from(["", "so"])
    )
    def move(self, to: str, roles: frozenset[Role], reason: str) -> None:
        self.attempt(lambda: self.present.moved(to, under(*roles, minutes=self.minutes), reason=reason))

    @rule(amount=st.none() | st.integers(0, 100), close=st.booleans())
    def revise(self, amount: int | None, close: bool) -> None:
        changes = {
            "amount": None if amount is None else Money(amount, "USD"),
            "close_date": date(2026, 12, 1) if close else None,
        }
        self.attempt(lambda: self.present.revised(changes, by="tester", now=after(self.minutes)))

    @rule(accepted=st.booleans(), reason=st.sampled_from(["", "so"]), buyer=st.booleans())
    def win(self, accepted: bool, reason: str, buyer: bool) -> None:
        offered = quote(self.present.id)
        given = offered.accepted(NOW) if accepted else offered
        roles = [Role.DECIDER] if buyer else []
        self.attempt(lambda: self.present.won(given, under(*roles, minutes=self.minutes), reason=reason))

    @rule(reason=st.sampled_from(["", "price"]))
    def lose(self, reason: str) -> None:
        self.attempt(lambda: self.present.lost(under(minutes=self.minutes), reason=reason, competitor="Rival"))

    @rule(minutes=st.integers(-5, 5))
    def time_passes(self, minutes: int) -> None:
        self.minutes += minutes

    def attempt(self, change: Callable[[], Changed]) -> None:
        before = self.present
        try:
            changed = change()
        except Fault:
            return
        assert not STAGES.is_final(before.stage)
        self.present = changed.opportunity
        self.history += changed.steps
        assert len(changed.facts) == (0 if self.present.stage == before.stage else 1 + (self.present.stage == "WON"))

    @invariant()
    def the_history_is_one_chain_through_the_table(self) -> None:
        assert [step.number for step in self.history] == list(range(1, self.present.steps + 1))
        assert self.history[0].from_stage == ""
        assert self.history[-1].to_stage == self.present.stage
        for before, step in pairwise(self.history):
            assert step.from_stage == before.to_stage
            assert step.change_time >= before.change_time
            assert not STAGES.is_final(step.from_stage)
            if step.to_stage not in ("LOST", step.from_stage):
                way = STAGES.step(step.from_stage, step.to_stage)
                assert way is Step.FORWARD or step.reason
                assert step.amount is not None or step.to_stage == "QUALIFY"

    @invariant()
    def the_last_step_knows_the_amount(self) -> None:
        assert self.history[-1].amount == self.present.amount


TestLife = Life.TestCase
