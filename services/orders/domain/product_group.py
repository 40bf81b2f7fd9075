"""A group of variants: products that differ by options such as colour and size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from kit.errors import Fault, invalid
from services.orders.domain.errors import catalogue as errors
from services.orders.domain.product import Image

MOST_OPTIONS, MOST_VALUES = 5, 200
"""Of a group, and of one of its options."""


@dataclass(frozen=True, slots=True)
class Option:
    """What the variants of a group differ by, and the values it may take, in the order they are shown."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProductGroup:
    """What a customer chooses a variant of; `version` counts its changes from 1."""

    id: UUID
    title: str
    options: tuple[Option, ...]
    version: int
    create_time: datetime
    update_time: datetime
    description: str = ""
    images: tuple[Image, ...] = ()

    def check(self) -> None:
        """Raise a Fault unless it makes sense by itself."""
        if not self.title.strip():
            raise invalid("product_group.title", "must not be blank")
        if len({option.name for option in self.options}) != len(self.options):
            raise invalid("product_group.options", "must have different names")
        if any(len(set(option.values)) != len(option.values) for option in self.options):
            raise invalid("product_group.options", "must have different values")

    def update(
        self, changes: Mapping[str, object], variants: Sequence[Mapping[str, str]], now: datetime
    ) -> ProductGroup:
        """With other contents, which must fit the options of the variants that are there."""
        changed = replace(self, **changes)  # type: ignore[arg-type]
        if changed == self:
            return self
        changed.check()
        for options in variants:
            if fault := changed.misfit(options):
                raise fault
        return replace(changed, version=self.version + 1, update_time=now)

    def extended(self, options: Mapping[str, str], now: datetime) -> ProductGroup:
        """With these values of its options among those that are possible. Raises a Fault when these are too many."""
        wider = tuple(
            replace(option, values=(*option.values, value))
            if (value := options.get(option.name)) is not None and value not in option.values
            else option
            for option in self.options
        )
        if any(len(option.values) > MOST_VALUES for option in wider):
            raise errors.variant_invalid(self.id, f"an option has at most {MOST_VALUES} values")
        if wider == self.options:
            return self
        return replace(self, options=wider, version=self.version + 1, update_time=now)

    def misfit(self, options: Mapping[str, str]) -> Fault | None:
        """Why no variant can have these options; None when one can: a value for each option."""
        names = [option.name for option in self.options]
        if options.keys() != set(names):
            return errors.variant_invalid(self.id, f"a variant says {', '.join(names)}, and nothing else")
        for option in self.options:
            if options[option.name] not in option.values:
                return errors.variant_invalid(self.id, f"{option.name} can't be {options[option.name]}")
        return None
