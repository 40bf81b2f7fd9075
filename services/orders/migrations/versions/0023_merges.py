"""Who stands for whom: lists by member answer the orders of all who turned out to be one person."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table members (
            member_id uuid primary key,
            into_id uuid,
            link_time timestamptz not null,
            link_version bigint not null,
            root_id uuid not null
        )
    """)
    op.execute("create index members_into on members (into_id) where into_id is not null")
    op.execute("create index members_root on members (root_id) where root_id <> member_id")
