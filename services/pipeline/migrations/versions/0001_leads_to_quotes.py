"""Tables of leads, accounts, contacts, opportunities and quotes, and what may never be changed in them."""

from alembic import op

from kit import schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
create table reps (
    id uuid primary key,
    display_name text not null,
    weight integer not null constraint reps_weight check (weight between 1 and 1000),
    available boolean not null,
    create_time timestamptz not null,
    update_time timestamptz not null,
    version bigint not null
);

create table rotations (
    rule text primary key,
    period bigint not null,
    shares jsonb not null,
    queue jsonb not null
);
comment on table rotations is
    'Where each rule of assignment stands; the lock on the row makes assignments one after the other.';

create table accounts (
    id uuid primary key,
    display_name text not null,
    match_key text not null,
    parent uuid references accounts constraint accounts_parent check (parent <> id),
    industry text not null,
    website text not null,
    owner uuid references reps,
    create_time timestamptz not null,
    update_time timestamptz not null,
    version bigint not null
);
create index accounts_by_match_key on accounts (match_key, id);
create index accounts_by_parent on accounts (parent, id);
create index accounts_by_owner on accounts (owner, id);

create table contacts (
    id uuid primary key,
    display_name text not null,
    job_title text not null,
    phone text not null,
    email text not null,
    create_time timestamptz not null,
    update_time timestamptz not null,
    version bigint not null
);
create index contacts_by_phone on contacts (phone, id) where phone <> '';
create index contacts_by_email on contacts (email, id) where email <> '';

create table account_roles (
    contact uuid not null references contacts,
    position smallint not null,
    account uuid not null references accounts,
    role text not null,
    influence smallint not null constraint account_roles_influence check (influence between 0 and 5),
    primary key (contact, position),
    constraint account_roles_once unique (contact, account, role)
);
create index account_roles_by_account on account_roles (account, contact);

create table leads (
    id uuid primary key,
    source text not null,
    display_name text not null,
    company_name text not null,
    phone text not null,
    email text not null,
    note text not null,
    state text not null,
    owner uuid references reps,
    account uuid references accounts,
    contact uuid references contacts,
    opportunity uuid,
    disqualify_reason text not null,
    create_time timestamptz not null,
    update_time timestamptz not null,
    version bigint not null,
    constraint leads_converted_whole check (
        (state = 'CONVERTED') = (account is not null and contact is not null and opportunity is not null))
);
create index leads_by_owner on leads (owner, id);
create index leads_by_state on leads (state, id);
create index leads_waiting on leads (id) where owner is null and state = 'OPEN';

create table lead_keys (
    kind text not null,
    value text not null,
    lead uuid not null references leads,
    primary key (kind, value)
);
create index lead_keys_by_lead on lead_keys (lead);
comment on table lead_keys is 'By which open leads are known again; one key belongs to one of them.';

create table assignments (
    lead uuid primary key references leads,
    owner uuid not null references reps,
    rule text not null,
    period bigint not null,
    sequence bigint not null,
    reason text not null,
    candidates jsonb not null,
    assign_time timestamptz not null,
    constraint assignments_in_sequence unique (rule, period, sequence)
);
create index assignments_by_owner on assignments (owner);
comment on table assignments is 'Append-only.';

create table opportunities (
    id uuid primary key,
    display_name text not null,
    account uuid not null references accounts,
    contact uuid references contacts,
    owner uuid references reps,
    amount bigint,
    currency text,
    close_date date,
    stage text not null,
    stage_time timestamptz not null,
    lead uuid references leads constraint opportunities_one_per_lead unique,
    quote uuid,
    "order" uuid,
    loss_reason text not null,
    competitor text not null,
    steps integer not null,
    create_time timestamptz not null,
    update_time timestamptz not null,
    version bigint not null,
    constraint opportunities_money check ((amount is null) = (currency is null))
);
create index opportunities_by_account on opportunities (account, id);
create index opportunities_by_owner on opportunities (owner, id);
create index opportunities_by_stage on opportunities (stage, id);

create table stage_changes (
    opportunity uuid not null references opportunities,
    number integer not null,
    from_stage text not null,
    to_stage text not null,
    change_time timestamptz not null,
    changed_by text not null,
    amount bigint,
    currency text,
    reason text not null,
    primary key (opportunity, number),
    constraint stage_changes_money check ((amount is null) = (currency is null))
);
create index stage_changes_by_time on stage_changes (change_time);
comment on table stage_changes is 'Append-only; the only source of the funnel.';

create table quotes (
    id uuid primary key,
    opportunity uuid not null references opportunities,
    revision integer not null,
    total bigint not null,
    currency text not null,
    expire_time timestamptz,
    content_hash text not null,
    state text not null,
    accept_time timestamptz,
    create_time timestamptz not null,
    update_time timestamptz not null,
    version bigint not null,
    constraint quotes_revisions unique (opportunity, revision)
);
create unique index quotes_one_live on quotes (opportunity) where state in ('OFFERED', 'ACCEPTED');
comment on table quotes is 'The content never changes; only state, accept_time, update_time and version do.';

create table quote_lines (
    quote uuid not null references quotes,
    position smallint not null,
    product uuid not null,
    title text not null,
    quantity bigint not null,
    unit_price bigint not null,
    primary key (quote, position)
);
comment on table quote_lines is 'Append-only.';
"""

# Two locks on one door: the service's role loses the right, and a trigger stops whoever has every right.
_NEVER_CHANGED = """
create function refuse_change() returns trigger language plpgsql as
$$ begin raise exception '% may only grow', tg_table_name using errcode = 'insufficient_privilege'; end $$;

create trigger stage_changes_only_grow before update or delete on stage_changes
    for each row execute function refuse_change();
create trigger assignments_only_grow before update or delete on assignments
    for each row execute function refuse_change();
create trigger quote_lines_only_grow before update or delete on quote_lines
    for each row execute function refuse_change();
create trigger quotes_keep_their_content
    before delete or update of id, opportunity, revision, total, currency, expire_time, content_hash on quotes
    for each row execute function refuse_change();

revoke update, delete, truncate on stage_changes, assignments, quote_lines from current_user;
revoke delete, truncate on quotes from current_user;
"""


def upgrade() -> None:
    schema.create(op)
    op.execute(_TABLES)
    op.execute(_NEVER_CHANGED)
