"""The funnel counted by SQL is the funnel counted by hand, for any history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine

from kit.db.engines import sync_url
from kit.money import Money
from services.pipeline import publish
from services.pipeline.domain.funnel import FunnelStage, Window
from services.pipeline.domain.opportunity import Changed, Opportunity, StageChange
from services.pipeline.domain.stage import STAGES
from services.pipeline.storage.unit import PipelineUnit
from tests.support.builders import pipeline as build
from tests.support.builders.pipeline import NOW, after
from tests.support.postgres import Databases

KEYS = [stage.key for stage in STAGES.all]
HISTORIES = st.lists(
    st.lists(
        st.tuples(st.sampled_from([*KEYS, "amount"]), st.integers(0, 20), st.integers(0, 500), st.sampled_from("AB")),
        max_size=6,
    ),
    max_size=6,
)
MINUTES = st.integers(-10, 90)


@pytest.fixture(scope="module")
def connect(postgres: Databases) -> Iterator[Callable[[], Connection]]:
    """Opens a connection whose transaction nobody commits."""
    url = postgres.migrated("pipeline")
    engine = create_engine(sync_url(url))
    yield engine.connect
    engine.dispose()
    postgres.drop(url)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories=HISTORIES, start=st.none() | MINUTES, length=st.integers(0, 90), as_of=MINUTES)
def test_any_history_is_counted_right(
    connect: Callable[[], Connection],
    histories: list[list[tuple[str, int, int, str]]],
    start: int | None,
    length: int,
    as_of: int,
) -> None:
    window = Window(None if start is None else after(start), after((start or 0) + length), after(as_of))
    with connect() as connection:
        unit = PipelineUnit(connection, NOW, publish.to_event)
        lives = [live(unit, moves) for moves in histories]
        assert unit.funnel.count(window) == by_hand(lives, window)
        connection.rollback()


def test_the_times_in_all_stages_sum_to_the_age(connect: Callable[[], Connection]) -> None:
    with connect() as connection:
        unit = PipelineUnit(connection, NOW, publish.to_event)
        live(unit, [("DEVELOP", 10, 0, "A"), ("QUALIFY", 5, 0, "A"), ("PROPOSE", 20, 0, "A")])
        counted = unit.funnel.count(Window.of(None, None, None, now=after(60)))
        connection.rollback()
    means = {stage.stage: stage.mean_time for stage in counted}
    assert means["QUALIFY"] == timedelta(minutes=(10 + 20) / 2)
    assert means["DEVELOP"] == timedelta(minutes=5)
    assert means["PROPOSE"] == timedelta(minutes=25)
    assert 2 * means["QUALIFY"] + means["DEVELOP"] + means["PROPOSE"] == timedelta(minutes=60)


def test_an_instant_of_the_past_is_answered_as_it_was_then(connect: Callable[[], Connection]) -> None:
    with connect() as connection:
        unit = PipelineUnit(connection, NOW, publish.to_event)
        live(unit, [("amount", 1, 100, "A"), ("DEVELOP", 10, 0, "A")])
        then = unit.funnel.count(Window.of(None, None, after(5), now=after(60)))
        live(unit, [("amount", 30, 7, "A"), ("LOST", 10, 0, "A")])
        now = unit.funnel.count(Window.of(None, None, after(60), now=after(60)))
        again = unit.funnel.count(Window.of(NOW, None, after(5), now=after(60)))
        connection.rollback()
    assert [(stage.stage, stage.open_count, stage.open_amounts) for stage in then[:2]] == [
        ("QUALIFY", 1, (Money(100, "AAA"),)),
        ("DEVELOP", 0, ()),
    ]
    assert [stage.open_count for stage in now] == [0, 1, 0, 0, 0, 1]
    assert again[0].open_count == 2  # the second began at the same instant


def live(unit: PipelineUnit, moves: Sequence[tuple[str, int, int, str]]) -> list[StageChange]:
    """Write the history of one opportunity that goes wherever it likes; answers it."""
    account = build.account()
    unit.accounts.add(account)
    changed = build.opportunity(account=account.id).begun("tester")
    unit.opportunities.begin(changed)
    present, minute, history = changed.opportunity, 0, list(changed.steps)
    for to, minutes, amount, currency in moves:
        minute += minutes
        priced = Money(amount, currency * 3)
        changed = step(present, to, after(minute), priced)
        unit.opportunities.change(changed)
        present = changed.opportunity
        history += changed.steps
    return history


def step(present: Opportunity, to: str, at: datetime, priced: Money) -> Changed:
    """A step past all gates: the funnel must count whatever history there is."""
    stage = present.stage if to == "amount" else to
    after_it = replace(
        present, stage=stage, steps=present.steps + 1, amount=priced if to == "amount" else present.amount
    )
    taken = StageChange(present.id, after_it.steps, present.stage, stage, at, "tester", after_it.amount, "")
    return Changed(after_it, steps=(taken,))


def by_hand(histories: Sequence[Sequence[StageChange]], window: Window) -> list[FunnelStage]:
    """The definition, word by word."""
    return [_stage(key, [known(history, window) for history in histories], window) for key in KEYS]


def known(history: Sequence[StageChange], window: Window) -> list[StageChange]:
    return [step for step in history if step.change_time <= window.as_of]


def _stage(key: str, histories: Sequence[Sequence[StageChange]], window: Window) -> FunnelStage:
    entered = advanced = staying = 0
    times: list[timedelta] = []
    amounts: dict[str, int] = defaultdict(int)
    for history in histories:
        stays = [each for each in history if each.from_stage != each.to_stage]
        ends = [each.change_time for each in stays[1:]] + [window.as_of]
        begun = [
            (each, end)
            for each, end in zip(stays, ends, strict=False)
            if each.to_stage == key and in_window(each.change_time, window)
        ]
        entered += bool(begun)
        advanced += bool(begun) and any(is_later(each.to_stage, key) for each in stays)
        times += [end - each.change_time for each, end in begun]
        if stays and stays[-1].to_stage == key:
            staying += 1
            if history[-1].amount is not None:
                amounts[history[-1].amount.currency] += history[-1].amount.minor
    mean = None if STAGES.is_final(key) or not times else sum(times, timedelta()) / len(times)
    open_amounts = tuple(Money(minor, currency) for currency, minor in sorted(amounts.items()))
    return FunnelStage(key, entered, advanced, mean, staying, open_amounts)


def in_window(moment: datetime, window: Window) -> bool:
    return (window.start is None or moment >= window.start) and moment < window.end


def is_later(stage: str, key: str) -> bool:
    way = list(STAGES.way)
    return stage in way and key in way and way.index(stage) > way.index(key)
