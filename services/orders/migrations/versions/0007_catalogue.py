"""Variants, bundles, categories, channels, stores and price lists."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from services.orders.domain.search import terms

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
_AT_ONCE = 1_000


def upgrade() -> None:
    _product_groups()
    _products()
    _tell_the_terms()
    _places()
    _price_lists()
    _buyers()


def _product_groups() -> None:
    op.create_table(
        "product_groups",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("options", postgresql.JSONB, nullable=False),
        sa.Column("images", postgresql.JSONB, nullable=False),
        *_version_and_times(),
    )
    op.create_index("product_groups_latest", "product_groups", ["create_time", "id"])


def _products() -> None:
    group = sa.ForeignKey("product_groups.id", name="products_group")
    everywhere = '{"*": [null, null]}'
    for column in (
        sa.Column("description", sa.Text, nullable=False, server_default=""),
        sa.Column("images", postgresql.JSONB, nullable=False, server_default="[]"),
        sa.Column("attributes", postgresql.JSONB, nullable=False, server_default="{}"),
        sa.Column("weight_grams", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("tax_class", sa.Text, nullable=False, server_default=""),
        sa.Column("purchase_limit", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("group_id", sa.Uuid, group),
        sa.Column("options", postgresql.JSONB, nullable=False, server_default="{}"),
        sa.Column("components", postgresql.JSONB, nullable=False, server_default="[]"),
        sa.Column("summed", sa.Boolean, nullable=False, server_default="false"),
        sa.Column("publications", postgresql.JSONB, nullable=False, server_default=everywhere),
        sa.Column("terms", postgresql.ARRAY(sa.Text), nullable=False, server_default="{}"),
    ):
        op.add_column("products", column)
    op.create_check_constraint("products_weight", "products", "weight_grams >= 0")
    op.create_check_constraint("products_purchase_limit", "products", "purchase_limit >= 0")
    op.create_index("products_category", "products", ["category", "create_time", "id"])
    op.create_index("products_price_range", "products", ["currency", "price", "id"])
    op.create_index("products_terms", "products", ["terms"], postgresql_using="gin")
    variant = sa.text("group_id is not null")
    op.create_index("products_variant", "products", ["group_id", "options"], unique=True, postgresql_where=variant)
    bundle = sa.text("components <> '[]'")
    op.create_index("products_bundles", "products", ["components"], postgresql_using="gin", postgresql_where=bundle)


def _tell_the_terms() -> None:
    """Let a search find the products that are already there."""
    connection = op.get_bind()
    rows = connection.execute(sa.text("select id, sku, title from products")).all()
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        connection.execute(
            sa.text("update products set terms = cast(:terms as text[]) where id = :id"),
            [{"id": row.id, "terms": sorted(terms(row.sku, row.title))} for row in part],
        )


def _places() -> None:
    parent = sa.ForeignKey("categories.code", name="categories_parent")
    op.create_table(
        "categories",
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("parent", sa.Text, parent),
        sa.Column("position", sa.Integer, nullable=False),
        *_version_and_times(),
        sa.CheckConstraint("parent <> code", name="categories_not_within_itself"),
    )
    op.create_index("categories_children", "categories", ["parent"])
    for name in ("channels", "stores"):
        op.create_table(
            name,
            sa.Column("code", sa.Text, primary_key=True),
            sa.Column("title", sa.Text, nullable=False),
            *_version_and_times(),
        )


def _price_lists() -> None:
    op.create_table(
        "price_lists",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("store", sa.Text, nullable=False),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("segment_id", sa.Uuid),
        sa.Column("account_id", sa.Uuid),
        sa.Column("start_time", INSTANT),
        sa.Column("end_time", INSTANT),
        *_version_and_times(),
    )
    op.create_index("price_lists_latest", "price_lists", ["create_time", "id"])
    op.create_index("price_lists_state", "price_lists", ["state"])
    of_list = sa.ForeignKey("price_lists.id", name="price_entries_list")
    of_product = sa.ForeignKey("products.id", name="price_entries_product")
    some = sa.CheckConstraint("min_quantity > 0", name="price_entries_quantity")
    op.create_table(
        "price_entries",
        sa.Column("list_id", sa.Uuid, of_list, primary_key=True),
        sa.Column("product_id", sa.Uuid, of_product, primary_key=True),
        sa.Column("min_quantity", sa.BigInteger, some, primary_key=True),
        sa.Column("price", sa.BigInteger, sa.CheckConstraint("price >= 0", name="price_entries_price"), nullable=False),
    )
    op.create_index("price_entries_product", "price_entries", ["product_id", "list_id"])


def _buyers() -> None:
    op.create_table(
        "buyer_tiers",
        sa.Column("member_id", sa.Uuid, primary_key=True),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "buyer_segments",
        sa.Column("member_id", sa.Uuid, primary_key=True),
        sa.Column("segment_id", sa.Uuid, primary_key=True),
        sa.Column("inside", sa.Boolean, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )


def _version_and_times() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.Column("update_time", INSTANT, nullable=False),
    )
