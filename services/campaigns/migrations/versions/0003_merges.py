"""What belongs to a member follows merges, and goes back when they are undone."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table members (
            member_id uuid primary key,
            into_id uuid,
            link_time timestamptz,
            link_version bigint not null,
            root_id uuid not null,
            erase_time timestamptz
        )
    """)
    op.execute("create index members_into on members (into_id) where into_id is not null")
    op.execute("alter table profiles add gone boolean not null default false")
    op.execute("create index profiles_gone on profiles (member_id) where gone")
    for table in ("coupons", "purchases", "automation_runs"):
        op.execute(f"alter table {table} add origin_id uuid")
    op.execute("create index purchases_origin on purchases (origin_id) where origin_id is not null")
    op.execute("create index coupons_origin on coupons (origin_id) where origin_id is not null")
    op.execute("create index automation_runs_origin on automation_runs (origin_id) where origin_id is not null")
    op.execute("create index automation_runs_member on automation_runs (member_id)")
    _one_of_each()


def _one_of_each() -> None:
    """What there is once per member, there is once per member that it came under: merged members may have two."""
    op.execute("drop index coupons_cause")
    op.execute("drop index automation_runs_once")
    op.execute("""
        create unique index coupons_cause on coupons (template_id, member_id, cause)
        where cause <> '' and origin_id is null
    """)
    op.execute("""
        create unique index coupons_origin_cause on coupons (template_id, origin_id, cause)
        where cause <> '' and origin_id is not null
    """)
    op.execute("""
        create unique index automation_runs_once on automation_runs (automation_id, member_id)
        where coupon_id is not null and origin_id is null
    """)
    op.execute("""
        create unique index automation_runs_origin_once on automation_runs (automation_id, origin_id)
        where coupon_id is not null and origin_id is not null
    """)
