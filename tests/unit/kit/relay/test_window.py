from __future__ import annotations

import asyncio
import random

from hypothesis import given
from hypothesis import strategies as st

from kit.relay.publisher import Outcome, Window


@given(count=st.integers(1, 60), seed=st.integers(0, 10_000), first=st.integers(1, 1_000))
def test_every_message_gets_its_answer_in_whatever_order_and_groups_they_come(
    count: int, seed: int, first: int
) -> None:
    chance = random.Random(seed)
    window, expected = Window(first, count), [Outcome.UNANSWERED] * count
    tags = list(range(count))
    chance.shuffle(tags)
    for index in tags:
        assert window.done.is_set() == (Outcome.UNANSWERED not in expected)
        outcome = chance.choice([Outcome.CONFIRMED, Outcome.REFUSED])
        multiple = chance.random() < 0.2
        for each in range(0 if multiple else index, index + 1):
            if expected[each] is Outcome.UNANSWERED:
                expected[each] = outcome
        window.answer(first + index, multiple=multiple, outcome=outcome)
    assert window.outcomes == expected
    assert window.done.is_set()


async def test_an_answer_to_an_earlier_batch_is_passed_over() -> None:
    window = Window(10, 2)
    window.answer(9, multiple=True, outcome=Outcome.CONFIRMED)
    assert window.outcomes == [Outcome.UNANSWERED] * 2
    window.answer(11, multiple=True, outcome=Outcome.CONFIRMED)
    assert window.outcomes == [Outcome.CONFIRMED] * 2
    await asyncio.wait_for(window.done.wait(), 1)
