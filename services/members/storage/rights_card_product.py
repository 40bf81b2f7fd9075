"""Kinds of rights cards in all their versions, as rows; the terms are one JSON document, only read as a whole."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from kit.money import Money
from kit.page import Page
from services.members.domain.benefit_period import Period
from services.members.domain.rights_card_product import Benefit, RightsCardProduct

_COLUMNS = "id, version, cast(terms as text) as terms, create_time, update_time"
_VERSION = text(f"""
    select {_COLUMNS} from rights_card_products where id = cast(:id as uuid) and version = :version
""")  # noqa: S608 - constants only
_CURRENT = text(f"""
    select {_COLUMNS} from rights_card_products where id = cast(:id as uuid) order by version desc limit 1
""")  # noqa: S608 - constants only
# The first version is locked for all of them: it is there as long as the kind of card is.
_LOCK = text("select id from rights_card_products where id = cast(:id as uuid) and version = 1 for update")
_PAGE = text(f"""
    select distinct on (id) {_COLUMNS} from rights_card_products
    where id < coalesce(cast(:before as uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    order by id desc, version desc limit :limit
""")  # noqa: S608 - constants only
_ADD = text("""
    insert into rights_card_products (id, version, terms, create_time, update_time)
    values (:id, :version, cast(:terms as jsonb), cast(:create_time as timestamptz), cast(:update_time as timestamptz))
""")


class RightsCardProductStore:
    """Keeps every version of every kind of card."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, product: UUID, version: int | None = None) -> RightsCardProduct | None:
        """A kind of card in a version, by default the newest; None when there is none."""
        query = {"id": product} if version is None else {"id": product, "version": version}
        row = self._connection.execute(_CURRENT if version is None else _VERSION, query).one_or_none()
        return None if row is None else _product(row)

    def lock(self, product: UUID) -> RightsCardProduct | None:
        """The newest version; nobody else makes another one until the transaction ends."""
        self._connection.execute(_LOCK, {"id": product})
        return self.read(product)

    def page(self, page: Page) -> list[RightsCardProduct]:
        """The newest versions before a position, the newest kind of card first."""
        before = UUID(page.after[0]) if page.after else None
        return [_product(row) for row in self._connection.execute(_PAGE, {"before": before, "limit": page.fetch}).all()]

    def add(self, product: RightsCardProduct) -> None:
        """Keep a new version."""
        self._connection.execute(
            _ADD,
            {
                "id": product.id,
                "version": product.version,
                "terms": json.dumps(_document(product)),
                "create_time": product.create_time,
                "update_time": product.update_time,
            },
        )


def _document(product: RightsCardProduct) -> dict[str, Any]:
    price = product.price
    return {
        "display_name": product.display_name,
        "benefits": [
            {"id": each.id, "display_name": each.display_name, "quota": each.quota, "period": each.period.value}
            for each in product.benefits
        ],
        "validity_days": product.validity_days,
        "time_zone": product.time_zone,
        "price": None if price is None else {"minor": price.minor, "currency": price.currency},
        "grace_days": product.grace_days,
        "retired": product.retired,
    }


def _product(row: Any) -> RightsCardProduct:
    terms = json.loads(row.terms)
    price = terms["price"]
    return RightsCardProduct(
        id=row.id,
        version=row.version,
        display_name=terms["display_name"],
        benefits=tuple(
            Benefit(each["id"], each["display_name"], each["quota"], Period(each["period"]))
            for each in terms["benefits"]
        ),
        validity_days=terms["validity_days"],
        time_zone=terms["time_zone"],
        price=None if price is None else Money(price["minor"], price["currency"]),
        grace_days=terms["grace_days"],
        retired=terms["retired"],
        create_time=row.create_time,
        update_time=row.update_time,
    )
