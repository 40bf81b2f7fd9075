"""Comparing sets of facts: what must be there with what is there. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

Fact = tuple[str, str]
"""A kind of thing and its key: ("paid", "<the client's number of the order>")."""

_NAMED = 5


@dataclass(frozen=True)
class Counts:
    """The four counts of a verdict, and the first facts of those that must not be.

    `lost`: promised, and not there. `duplicated`: there more often than once. `unexpected`: nobody asked for it.
    `recovered`: there although its caller never heard so; that is allowed.
    """

    lost: int = 0
    duplicated: int = 0
    unexpected: int = 0
    recovered: int = 0
    named: tuple[str, ...] = field(default=())

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.lost + other.lost,
            self.duplicated + other.duplicated,
            self.unexpected + other.unexpected,
            self.recovered + other.recovered,
            (*self.named, *other.named),
        )

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, doubled, or made up."""
        return self.lost == self.duplicated == self.unexpected == 0


def compare(*, promised: Iterable[Fact], asked: Collection[Fact], found: Mapping[Fact, int]) -> Counts:
    """Compare what was promised and what was asked for with what was found, and how often.

    What is promised was asked for, too.
    """
    wanted = set(promised)
    allowed = wanted | set(asked)
    present = {fact for fact, count in found.items() if count > 0}
    lost, unexpected = wanted - present, present - allowed
    doubled = {fact: count - 1 for fact, count in found.items() if count > 1 and fact in allowed}
    return Counts(
        lost=len(lost),
        duplicated=sum(doubled.values()),
        unexpected=len(unexpected),
        recovered=len(present & allowed - wanted),
        named=(*_name("lost", lost), *_name("duplicated", doubled), *_name("unexpected", unexpected)),
    )


def count(facts: Iterable[Fact]) -> Counter[Fact]:
    """How often each fact occurs."""
    return Counter(facts)


def total(counts: Iterable[Counts]) -> Counts:
    """All of them together."""
    return sum(counts, Counts())


def _name(what: str, facts: Iterable[Fact]) -> tuple[str, ...]:
    return tuple(f"{what}: {kind} {key}" for kind, key in sorted(facts)[:_NAMED])
