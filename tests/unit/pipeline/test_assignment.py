"""Who gets the next lead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.pipeline.domain.assignment import Choice, Rotation, Share, Standing
from services.pipeline.domain.rep import Rep
from tests.support.builders.pipeline import rep

WEIGHTS = st.lists(st.sampled_from([1, 2, 3, 7, 97, 1000]) | st.integers(1, 1000), min_size=1, max_size=9)


def team(weights: Sequence[int]) -> list[Rep]:
    return [rep(weight=weight, id=UUID(int=number)) for number, weight in enumerate(weights, start=1)]


def away(person: Rep) -> Rep:
    return rep(weight=person.weight, id=person.id, available=False)


def assign(rotation: Rotation, reps: Sequence[Rep], count: int) -> tuple[Rotation, list[UUID]]:
    owners = []
    for _ in range(count):
        rotation, choice = rotation.assign(reps)
        assert choice is not None
        owners.append(choice.owner)
    return rotation, owners


@given(weights=WEIGHTS, count=st.integers(1, 250))
def test_nobody_is_ever_a_whole_lead_away_from_the_quota(weights: list[int], count: int) -> None:
    reps, total, received = team(weights), sum(weights), Counter[UUID]()
    _, owners = assign(Rotation(), reps, count)
    for number, owner in enumerate(owners, start=1):
        received[owner] += 1
        # In whole numbers: |received - number * weight / total| < 1.
        assert all(abs(received[each.id] * total - number * each.weight) < total for each in reps)


@given(present=st.lists(st.frozensets(st.integers(3, 6)), min_size=1, max_size=60))
def test_of_two_who_are_always_there_with_equal_weights_none_is_two_leads_ahead(
    present: list[frozenset[int]],
) -> None:
    rotation, received = Rotation(), Counter[UUID]()
    for others in present:
        reps = [
            rep(id=UUID(int=number)) if number < 3 or number in others else rep(id=UUID(int=number), available=False)
            for number in range(1, 7)
        ]
        rotation, [owner] = assign(rotation, reps, 1)
        received[owner] += 1
        assert abs(received[UUID(int=1)] - received[UUID(int=2)]) <= 1


@given(weights=st.lists(st.integers(1, 50), min_size=2, max_size=6), absent=st.integers(1, 80))
def test_who_comes_back_is_owed_nothing_and_owes_nothing(weights: list[int], absent: int) -> None:
    reps = team(weights)
    rotation, _ = assign(Rotation(), reps, 30)
    rotation, _ = assign(rotation, [away(reps[0]), *reps[1:]], absent)
    _, owners = assign(rotation, reps, 60)
    for number in range(1, 61):
        received = owners[:number].count(reps[0].id)
        assert abs(received * sum(weights) - number * weights[0]) < sum(weights)


def test_ties_go_round_even_when_every_lead_begins_a_new_period() -> None:
    reps = team([1, 1, 1, 1])
    rotation, owners = Rotation(), []
    for number in range(12):
        visitor = rep(weight=1, id=UUID(int=100 + number), available=False)
        changed = [*reps, visitor] if number % 2 else [*reps, rep(weight=1, id=visitor.id, available=False)]
        rotation, [owner] = assign(rotation, changed, 1)
        owners.append(owner)
    assert Counter(owners) == {each.id: 3 for each in reps}


def test_a_tie_goes_to_who_has_waited_longest_and_not_to_the_first_id() -> None:
    heavy, second, third = team([2, 1, 1])
    rotation, owners = assign(Rotation(), [heavy, second, third], 8)
    assert Counter(owners) == {heavy.id: 4, second.id: 2, third.id: 2}
    alone = [away(heavy), second, third]
    waited_longest = next(each for each in rotation.queue if each != heavy.id)
    assert assign(rotation, alone, 1)[1] == [waited_longest]


def test_a_changed_weight_begins_a_new_period() -> None:
    reps = team([1, 1])
    rotation, _ = assign(Rotation(), reps, 3)
    assert rotation.period == 1
    rotation, choice = rotation.assign([reps[0], rep(weight=5, id=reps[1].id)])
    assert choice is not None
    assert (choice.period, choice.sequence) == (2, 1)


def test_absence_between_two_leads_changes_nothing() -> None:
    reps = team([3, 2])
    rotation, _ = assign(Rotation(), reps, 4)
    assert rotation.period == 1
    assert rotation.total == 4


def test_nobody_is_chosen_when_nobody_is_available() -> None:
    assert Rotation().assign([]) == (Rotation(), None)
    person = rep()
    rotation, choice = Rotation().assign([away(person)])
    assert choice is None
    assert rotation.queue == (person.id,)


def test_the_choice_says_what_it_saw_of_everybody() -> None:
    heavy, light = team([2, 1])
    gone = rep(id=UUID(int=9), available=False)
    rotation, first = Rotation().assign([heavy, light, gone])
    _, second = rotation.assign([heavy, light, gone])
    assert first is not None
    assert second is not None
    assert {(each.rep, each.standing) for each in first.candidates} == {
        (heavy.id, Standing.CHOSEN), (light.id, Standing.LATER), (gone.id, Standing.UNAVAILABLE),
    }  # fmt: skip
    assert first.reason == "due first among 2 with room in their quota"
    rotation, _ = Rotation().assign(team([1, 1]))
    _, tied = rotation.assign(team([1, 1]))
    assert tied is not None
    assert [each.standing for each in tied.candidates] == [Standing.CHOSEN, Standing.QUOTA_FULL]


def test_a_tie_is_said_to_be_one() -> None:
    _, choice = Rotation().assign(team([1, 1]))
    assert choice is not None
    assert choice.reason == "waited longest among 2 who are due at the same time"


@given(weights=WEIGHTS, count=st.integers(1, 60))
def test_each_choice_can_be_made_again_from_what_it_keeps(weights: list[int], count: int) -> None:
    reps, rotation = [*team(weights), rep(id=UUID(int=99), available=False)], Rotation()
    for _ in range(count):
        rotation, choice = rotation.assign(reps)
        assert choice is not None
        assert again(choice) == choice


def again(choice: Choice) -> Choice | None:
    shares = {
        each.rep: Share(each.weight, each.given)
        for each in choice.candidates
        if each.standing is not Standing.UNAVAILABLE
    }
    people = [rep(weight=each.weight, id=each.rep, available=each.rep in shares) for each in choice.candidates]
    return Rotation(choice.period, shares, tuple(each.rep for each in choice.candidates)).assign(people)[1]
