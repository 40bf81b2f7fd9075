"""What all use-cases need of a unit of work; `storage` provides it without knowing of this."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from kit import names
from kit.errors import etag_mismatch

R = TypeVar("R")


class Store(Protocol[R]):
    """The resources of one kind."""

    def get(self, id: UUID) -> R:  # noqa: A002 - the field's name
        """The resource. Raises NOT_FOUND."""

    def lock(self, id: UUID) -> R:  # noqa: A002 - the field's name
        """The resource, kept from changing until the transaction ends. Raises NOT_FOUND."""

    def add(self, resource: R) -> None:
        """Keep a new resource."""

    def save(self, resource: R) -> None:
        """Keep a change of a locked resource."""


class Work(Protocol):
    """One transaction."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    def emit(self, facts: Iterable[object]) -> None:
        """Publish facts if the transaction commits."""

    def note(self, fact: object) -> None:
        """Tell a fact, if the transaction commits, to whoever counts."""


def require_version(collection: str, id: UUID, *, seen: int | None, present: int) -> None:  # noqa: A002 - the field's name
    """Refuse a change that was made for another version than the present one; None asks for no check."""
    if seen is not None and seen != present:
        raise etag_mismatch(names.join(collection, id))
