"""Who stands for whom follows from the newest links, whatever is still on its way."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kit.merges import Link, moved, newest, root

NOW = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
ANN, BEA, CY, DEE = (uuid.UUID(int=number) for number in range(1, 5))


def link(member: uuid.UUID, into: uuid.UUID | None, version: int = 1) -> Link:
    return Link(member, into, NOW + timedelta(days=version), version)


def roots(*links: Link) -> dict[uuid.UUID, uuid.UUID]:
    known = {each.member: each for each in links}
    return {member: root(member, known) for member in (ANN, BEA, CY, DEE)}


def test_who_was_never_merged_stands_for_nobody_else() -> None:
    assert roots() == {ANN: ANN, BEA: BEA, CY: CY, DEE: DEE}


def test_the_end_of_a_chain_stands_for_all_of_it() -> None:
    assert roots(link(ANN, BEA), link(BEA, CY)) == {ANN: CY, BEA: CY, CY: CY, DEE: DEE}


def test_who_is_two_again_stands_for_those_who_were_merged_before() -> None:
    assert roots(link(ANN, BEA), link(BEA, None)) == {ANN: BEA, BEA: BEA, CY: CY, DEE: DEE}


def test_of_a_circle_the_newest_link_is_right() -> None:
    circle = link(ANN, BEA, 1), link(BEA, CY, 2), link(CY, ANN, 3)
    assert set(roots(*circle, link(DEE, BEA, 9)).values()) == {ANN}


def test_of_each_member_the_newest_link_counts() -> None:
    known, news = link(ANN, BEA, 1), link(ANN, None, 2)
    assert newest([news, known, link(BEA, CY)]) == [news, link(BEA, CY)]


def test_who_is_still_with_the_same_one_does_not_move() -> None:
    known = {each.member: each for each in (link(ANN, BEA), link(BEA, CY))}
    assert moved(known, {ANN: BEA, BEA: CY, CY: CY}) == {ANN: CY}


@given(st.dictionaries(st.integers(0, 7), st.none() | st.integers(0, 7)))
def test_every_member_has_one_root_that_all_on_the_way_share(told: dict[int, int | None]) -> None:
    ids = [uuid.UUID(int=number) for number in range(8)]
    known = {
        ids[one]: Link(ids[one], None if into is None else ids[into], NOW + timedelta(days=one), 1)
        for one, into in told.items()
    }
    for each, its_link in known.items():
        assert root(each, known) == (each if its_link.into is None else root(its_link.into, known))
