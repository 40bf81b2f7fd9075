"""The tariff: shipping zones, shipping methods and tax tables, kept by hand; and how a process knows all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, Protocol, Self, TypeVar
from uuid import UUID

from kit.errors import Fault, etag_mismatch
from kit.names import join
from kit.page import Page
from services.orders.domain.errors import shipping as errors
from services.orders.domain.shipping import Method, Zone
from services.orders.domain.tariff import Tariff
from services.orders.domain.tax import TaxTable

FRESH_SECONDS = 1.0
"""How long a process relies on the tariff that it has read: a change elsewhere shows after that."""


class Document(Protocol):
    """What a tariff consists of."""

    @property
    def id(self) -> UUID:
        """Its id."""

    @property
    def version(self) -> int:
        """How often it changed."""

    def checked(self) -> Self:
        """The same. Raises a Fault when it makes no sense."""


D = TypeVar("D", bound=Document)


class Documents(Protocol[D]):
    """The stored documents of one kind."""

    def add(self, document: D) -> None:
        """Store a new one."""

    def get(self, document_id: UUID) -> D | None:
        """The one of this id."""

    def lock(self, document_id: UUID) -> D | None:
        """As `get`; nobody else changes any of the tariff until the transaction ends."""

    def save(self, document: D) -> None:
        """Store a changed one."""

    def remove(self, document_id: UUID) -> None:
        """Delete one."""

    def page(self, page: Page) -> list[D]:
        """A page of them and one more if there are more, the first created first."""


class Zones(Documents[Zone], Protocol):
    """The stored shipping zones."""

    def known(self, ids: set[UUID]) -> set[UUID]:
        """Those of the zones that exist."""

    def served(self, zone: UUID) -> bool:
        """Whether a method has rates for it."""


class Whole(Protocol):
    """All of it together."""

    def read(self, known: Tariff) -> Tariff:
        """The tariff as it is; the one that is known, if it still is."""


class Work(Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def tariff(self) -> Whole:
        """All of it together."""

    @property
    def shipping_zones(self) -> Zones:
        """The stored shipping zones."""

    @property
    def shipping_methods(self) -> Documents[Method]:
        """The stored shipping methods."""

    @property
    def tax_tables(self) -> Documents[TaxTable]:
        """The stored tax tables."""


@dataclass(frozen=True, slots=True)
class Update(Generic[D]):
    """Change it; `version`, if given, must be the latest."""

    id: UUID
    change: Callable[[D], D]
    version: int | None


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete it; `version`, if given, must be the latest."""

    id: UUID
    version: int | None


class Collection(Generic[D]):
    """The documents of one kind and what can be done with them. `guard` raises a Fault for one that must not be stored,
    `release` for one that must not be deleted."""

    def __init__(
        self,
        name: str,
        documents: Callable[[Work], Documents[D]],
        missing: Callable[[UUID], Fault],
        *,
        guard: Callable[[Work, D], None] = lambda *_: None,
        release: Callable[[Work, D], None] = lambda *_: None,
    ) -> None:
        self._name = name
        self._documents = documents
        self._missing = missing
        self._guard = guard
        self._release = release

    def create(self, unit: Work, document: D) -> D:
        """Store a new one."""
        self._documents(unit).add(document.checked())
        self._guard(unit, document)
        return document

    def get(self, unit: Work, document_id: UUID) -> D:
        """Read one."""
        found = self._documents(unit).get(document_id)
        if found is None:
            raise self._missing(document_id)
        return found

    def page(self, unit: Work, page: Page) -> list[D]:
        """A page of them, and one more if there are more."""
        return self._documents(unit).page(page)

    def update(self, unit: Work, command: Update[D]) -> D:
        """Change one; what is the same changes nothing."""
        before = self._locked(unit, command.id, command.version)
        changed: Any = command.change(before)
        if changed == before:
            return before
        after: D = replace(changed, version=before.version + 1, update_time=unit.now).checked()
        self._guard(unit, after)
        self._documents(unit).save(after)
        return after

    def delete(self, unit: Work, command: Delete) -> None:
        """Delete one."""
        found = self._locked(unit, command.id, command.version)
        self._release(unit, found)
        self._documents(unit).remove(command.id)

    def _locked(self, unit: Work, document_id: UUID, version: int | None) -> D:
        found = self._documents(unit).lock(document_id)
        if found is None:
            raise self._missing(document_id)
        if version is not None and version != found.version:
            raise etag_mismatch(join(self._name, document_id))
        return found


def _zones_exist(unit: Work, method: Method) -> None:
    wanted = {rate.zone for rate in method.rates}
    for missing in sorted(wanted - unit.shipping_zones.known(wanted)) if wanted else ():
        raise errors.zone_not_found(missing)


def _unserved(unit: Work, zone: Zone) -> None:
    if unit.shipping_zones.served(zone.id):
        raise errors.zone_in_use(zone.id)


ZONES: Collection[Zone] = Collection(
    "shippingZones", lambda unit: unit.shipping_zones, errors.zone_not_found, release=_unserved
)
METHODS: Collection[Method] = Collection(
    "shippingMethods", lambda unit: unit.shipping_methods, errors.method_not_found, guard=_zones_exist
)
TAX_TABLES: Collection[TaxTable] = Collection("taxTables", lambda unit: unit.tax_tables, errors.tax_table_not_found)


def read_tariff(unit: Work, batch: Sequence[Tariff]) -> list[Tariff]:
    """The tariff as it is, for everybody who asks."""
    return [unit.tariff.read(batch[0])] * len(batch)


class KnownTariff:
    """The tariff in the memory of a process: read when it was last read too long ago, by one call for all."""

    def __init__(self, read: Callable[[Tariff], Awaitable[Tariff]], clock: Callable[[], float]) -> None:
        self._read = read
        self._clock = clock
        self._known = Tariff()
        self._until = float("-inf")
        self._turn = asyncio.Lock()

    async def __call__(self) -> Tariff:
        """The tariff, at most a second old."""
        if self._clock() >= self._until:
            async with self._turn:
                if self._clock() >= self._until:
                    self._known = await self._read(self._known)
                    self._until = self._clock() + FRESH_SECONDS
        return self._known

    def forget(self) -> None:
        """Read it anew when it is asked for next: it has just been changed."""
        self._until = float("-inf")
