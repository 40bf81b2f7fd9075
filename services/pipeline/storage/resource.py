"""What the stores of all resources have in common: one row per resource, by id, in pages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, Table, TextClause, insert, select, text, update

from kit import errors, names, org
from kit.page import Page


class Resource(Protocol):
    """Anything with an id."""

    @property
    def id(self) -> UUID:
        """The id inside the resource's name."""


R = TypeVar("R", bound=Resource)


class ResourceStore(ABC, Generic[R]):
    """Keeps resources of one kind. A derived store says which table, which collection, and how rows are read."""

    table: ClassVar[Table]
    collection: ClassVar[str]

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, id: UUID) -> R:  # noqa: A002 - the field's name
        """The resource. Raises NOT_FOUND."""
        return self._one(select(self.table).where(self.table.c.id == id), id)

    def lock(self, id: UUID) -> R:  # noqa: A002 - the field's name
        """The resource, kept from changing until the transaction ends; what refers to it may come meanwhile. Raises
        NOT_FOUND."""
        return self._one(select(self.table).where(self.table.c.id == id).with_for_update(key_share=True), id)

    def add(self, resource: R) -> None:
        """Keep a new resource."""
        self._connection.execute(insert(self.table).values(self._row(resource)))

    def save(self, resource: R) -> None:
        """Keep a change of a locked resource."""
        row = self._row(resource)
        self._connection.execute(update(self.table).where(self.table.c.id == resource.id).values(row))

    def _page(self, page: Page, *conditions: ColumnElement[bool] | TextClause) -> list[R]:
        """A page in the order of the ids, which is that of creation, with one row more if there are any."""
        statement = select(self.table).where(*conditions).order_by(self.table.c.id).limit(page.fetch)
        if page.after is not None:
            statement = statement.where(self.table.c.id > UUID(page.after[0]))
        return self._many(statement)

    def _one(self, statement: Select[Any], id: UUID) -> R:  # noqa: A002 - the field's name
        found = self._many(statement)
        if not found:
            raise errors.not_found(names.join(self.collection, id))
        return found[0]

    def _many(self, statement: Select[Any]) -> list[R]:
        return self._read(self._connection.execute(statement).mappings().all())

    def _of(self, part: str) -> tuple[TextClause, ...]:
        """The condition that says what is within a part of the organisation; none for all of it."""
        return (text(org.condition(f"{self.table.name}.org")).bindparams(org=part),) if part else ()

    @abstractmethod
    def _read(self, rows: Sequence[RowMapping]) -> list[R]:
        """The resources that rows of the table hold."""

    @abstractmethod
    def _row(self, resource: R) -> Mapping[str, Any]:
        """A resource as a row of the table."""
