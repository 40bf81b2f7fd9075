"""What the columns of a source mean: one small TOML file per source, checked when it is read.

The shipped ones are beside this module (`mappings/`); docs and samples are in `examples/import/`.
"""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from cli.importing.problem import mapping_invalid
from kit.settings import Currency

Column = str | Annotated[int, Field(ge=1)]
"""A column by its name in the header, or by its position from 1 on."""


def _several(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _pattern(value: str) -> str:
    re.compile(value)
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no time zone {value!r} is known here") from None
    return value


Columns = Annotated[tuple[Column, ...], BeforeValidator(_several), Field(min_length=1)]
"""The names that a column goes by; the first one that the header has is taken."""
Pattern = Annotated[str, AfterValidator(_pattern)]
Character = Annotated[str, Field(min_length=1, max_length=1)]


COLUMNS = (
    *("order", "time", "quantity", "amount", "unit_price", "sku", "title", "currency", "status", "cancels"),
    *("customer", "name", "phone", "email", "card", "store"),
)
"""What a column can hold."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileRules(_Table):
    """How the file is written."""

    format: Literal["csv", "tsv", "whitespace"] = "csv"
    delimiter: Annotated[str, Field(pattern=r"^(auto|[^\r\n])$")] = "auto"
    """Between the fields of a CSV; `auto` takes the one of `, ; | tab` that divides the header best."""
    quote: Character = '"'
    escape: Character | None = None
    encoding: str = "auto"
    header: bool = True
    skip: Annotated[int, Field(ge=0)] = 0
    """Lines above the header."""


class ColumnRules(_Table):
    """Which column holds what. A named column must be in the file, unless `optional` lists it."""

    time: Columns
    quantity: Columns
    amount: Columns | None = None
    """What was paid for the whole line; without it, the quantity times `unit_price`."""
    unit_price: Columns | None = None
    order: Columns | None = None
    """The order's id. Without it every row is an order, known by its content and its occurrence."""
    customer: Columns | None = None
    name: Columns | None = None
    phone: Columns | None = None
    email: Columns | None = None
    card: Columns | None = None
    store: Columns | None = None
    sku: Columns | None = None
    title: Columns | None = None
    currency: Columns | None = None
    status: Columns | None = None
    cancels: Columns | None = None
    """The id of the order that this row cancels, or takes something back from."""
    optional: tuple[str, ...] = ()
    """The settings above whose column a file may lack."""

    @model_validator(mode="after")
    def _usable(self) -> ColumnRules:
        if self.amount is None and self.unit_price is None:
            raise ValueError("name `amount`, `unit_price`, or both")
        if unknown := set(self.optional) - set(COLUMNS):
            raise ValueError(f"`optional` names {min(unknown)!r}, which is no setting of a column")
        return self

    def named(self) -> dict[str, tuple[Column, ...]]:
        """The settings that name a column, and the names."""
        return {name: names for name in COLUMNS if (names := getattr(self, name)) is not None}


class DefaultRules(_Table):
    """What holds for a row that does not say it."""

    title: str = "Item"


class TimeRules(_Table):
    """How a date is written: `iso`, or the directives of strptime. The zone is that of dates without one."""

    formats: Annotated[tuple[str, ...], Field(min_length=1)] = ("iso",)
    zone: Annotated[str, AfterValidator(_zone)] = "UTC"


class NumberRules(_Table):
    """How amounts and quantities are written."""

    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = ""
    signs: tuple[str, ...] = ()
    """Currency signs that may stand before or after an amount."""
    rounding: Literal["reject", "half_up"] = "reject"
    """What to do with a line whose amount is no whole number of minor units."""
    negative_quantity: Literal["reject", "return"] = "reject"
    """`return`: it takes units back from a line of the same order and SKU."""

    @model_validator(mode="after")
    def _told_apart(self) -> NumberRules:
        if self.decimal == self.thousands:
            raise ValueError("`decimal` and `thousands` must differ")
        return self


class OrderRules(_Table):
    """What an order's id tells."""

    cancellation: Pattern | None = None
    """Ids that match it (from their first character on) are cancellations."""
    ignored: Pattern | None = None
    """Rows whose order id matches it are no sales at all, for example corrections of the books; they are rejected."""


class CustomerRules(_Table):
    """What a customer's id looks like, and what a row without one means."""

    pattern: Pattern | None = None
    """The id must match it as a whole; its first group, if it has one, is the id."""
    missing: Literal["guest", "reject"] = "guest"
    region: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    """The country (ISO 3166) of phone numbers that are written without one."""


class StatusRules(_Table):
    """What the status column tells; letter case does not matter."""

    cancelled: tuple[str, ...] = ()
    paid: tuple[str, ...] = ()
    """When given, any status that is in neither list rejects the row."""


class Mapping(_Table):
    """What a source's columns mean."""

    channel: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
    """Where the orders were sold; with the source's ids it tells whether an order is known."""
    currency: Currency
    """Of rows that name none."""
    columns: ColumnRules
    file: FileRules = FileRules()
    defaults: DefaultRules = DefaultRules()
    time: TimeRules = TimeRules()
    numbers: NumberRules = NumberRules()
    orders: OrderRules = OrderRules()
    customers: CustomerRules = CustomerRules()
    status: StatusRules = StatusRules()


def shipped() -> list[str]:
    """The names of the mappings that come with Kehu."""
    folder = resources.files("cli.importing") / "mappings"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load(name: str) -> Mapping:
    """A shipped mapping by its name, or one from a file. Raises ImportProblem when it can't be used."""
    try:
        return Mapping.model_validate(tomllib.loads(_text(name)))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise mapping_invalid(f"The mapping {name} is no TOML: {error}.") from None
    except (ValidationError, re.error) as error:
        raise mapping_invalid(f"The mapping {name} can't be used: {_why(error)}.") from None


def _text(name: str) -> str:
    if name in shipped():
        return (resources.files("cli.importing") / "mappings" / f"{name}.toml").read_text(encoding="utf-8")
    try:
        return Path(name).read_text(encoding="utf-8")
    except OSError as error:
        known = ", ".join(shipped())
        raise mapping_invalid(f"The mapping {name} can't be read ({error.strerror}); shipped are {known}.") from None


def _why(error: ValidationError | re.error) -> str:
    if isinstance(error, re.error):
        return f"{error.pattern!r} is no regular expression ({error.msg})"
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
