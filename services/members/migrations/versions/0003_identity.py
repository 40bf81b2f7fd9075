"""What is personal is sealed, and found by keyed hashes.

The plain rows of before are sealed by `python -m services.members seal`, which the role `migrate` runs after this.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("members", sa.Column("sealed", sa.LargeBinary))
    op.add_column("members", sa.Column("birth_digest", sa.Text))
    op.add_column("members", sa.Column("org", sa.Text, nullable=False, server_default=""))
    op.add_column("members", sa.Column("tags", postgresql.ARRAY(sa.Text), nullable=False, server_default="{}"))
    op.add_column("members", sa.Column("erase_time", sa.DateTime(timezone=True)))
    op.create_index(
        "members_tags", "members", ["tags"], postgresql_using="gin", postgresql_where=sa.text("tags <> '{}'")
    )
    op.create_index(
        "members_org",
        "members",
        ["org"],
        postgresql_ops={"org": "text_pattern_ops"},
        postgresql_where=sa.text("org <> ''"),
    )
    op.create_index("members_birth", "members", ["birth_digest"], postgresql_where=sa.text("birth_digest is not null"))
    op.create_index(
        "members_plain", "members", ["id"], postgresql_where=sa.text("sealed is null and erase_time is null")
    )
    op.add_column("members", sa.Column("merged_into", sa.Uuid))
    op.add_column("members", sa.Column("absorbs", sa.Boolean, nullable=False, server_default="false"))
    op.create_index("members_merged", "members", ["merged_into"], postgresql_where=sa.text("merged_into is not null"))
    _merges()
    op.create_table(
        "member_keys",
        sa.Column("member", sa.Uuid, primary_key=True),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
    )
    # Answers that were kept with what is personal in them; they are good for a day only.
    op.execute("delete from idempotency where method like 'kehu.members.v1.MembersService/%Member'")


def _merges() -> None:
    op.create_table(
        "merges",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("gone", sa.Uuid, nullable=False),
        sa.Column("kept", sa.Uuid, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("end_time", sa.DateTime(timezone=True)),
        sa.Column("document", postgresql.JSONB, nullable=False),
    )
    op.create_index("ix_merges_kept", "merges", ["kept"])
    op.create_index("merges_gone", "merges", ["gone"])
    op.create_index("merges_active", "merges", ["gone"], unique=True, postgresql_where=sa.text("state = 'ACTIVE'"))
    op.create_table(
        "merge_moves",
        sa.Column("merge", sa.Uuid, sa.ForeignKey("merges.id")),
        sa.Column("kind", sa.Text),
        sa.Column("key", postgresql.JSONB),
        sa.Column("state", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("merge", "kind", "key", name="merge_moves_pkey"),
    )
