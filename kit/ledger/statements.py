"""The SQL of the ledger: every statement takes sets, for one row and for thousands."""

# ruff: noqa: S608 - the statements are put together from constants only

from sqlalchemy import text

OPEN = text("""
    insert into ledger_accounts (unit, owner, kind, sign, balance)
    select :unit, a.owner, a.kind, a.sign, case a.sign when 0 then null else 0 end
    from unnest(cast(:owners as uuid[]), cast(:kinds as text[]), cast(:signs as smallint[])) as a (owner, kind, sign)
""")

# The house's accounts come along unlocked: their ids are needed, and a lock on them would make everybody queue.
_SELECT = """
    with asked as (
        select id, owner, kind, balance, version, heir from ledger_accounts
        where unit = :unit and owner = any({owners}) and kind = any(cast(:kinds as text[]))
        {lock}
    ), found as (
        select * from asked union all
        select id, owner, kind, balance, version, heir from ledger_accounts where unit = :unit and owner = :house
    )
    select owner, array_agg(kind), array_agg(id), array_agg(balance), array_agg(version), any_value(heir)
    from found group by owner
"""
# Heirs, and theirs in turn, are locked along with those whose accounts they took over: one after the other would be out
# of order.
_LINE = """array(
            with recursive line (owner) as (
                select unnest(cast(:owners as uuid[]))
                union
                select a.heir from line join ledger_accounts a on a.owner = line.owner
                where a.heir is not null and a.unit = :unit
            )
            select owner from line
        )"""
READ = text(_SELECT.format(owners="cast(:owners as uuid[])", lock=""))
LOCK = text(_SELECT.format(owners=_LINE, lock="order by id for update"))
LOCK_FREE = text(_SELECT.format(owners=_LINE, lock="order by id for update skip locked"))

# A balance as it is now: the accounts, and what of their lots is due but not swept yet.
PRESENT = text("""
    select a.owner, array_agg(a.kind), array_agg(a.balance), array_agg(a.version), any_value(a.heir),
           coalesce(cast(any_value(d.lapsed) as bigint), 0), coalesce(cast(any_value(d.matured) as bigint), 0)
    from ledger_accounts a left join (
        select owner, sum(available) filter (where expire_time <= cast(:now as timestamptz)) as lapsed,
               sum(pending) filter (where available_time <= cast(:now as timestamptz)) as matured
        from ledger_lots
        where unit = :unit and owner = any(cast(:owners as uuid[]))
              and ((available > 0 and expire_time <= cast(:now as timestamptz))
                   or (pending > 0 and available_time <= cast(:now as timestamptz)))
        group by owner
    ) d on d.owner = a.owner
    where a.unit = :unit and a.owner = any(cast(:owners as uuid[])) and a.kind = any(cast(:kinds as text[]))
    group by a.owner
""")

TAKE_OVER = text("""
    update ledger_accounts set heir = cast(:heir as uuid) where unit = :unit and owner = cast(:owner as uuid)
""")

_MOVE = """
    moved as (
        update ledger_accounts a set balance = a.balance + c.amount, version = a.version + c.count
        from unnest(cast(:accounts as bigint[]), cast(:changes as bigint[]), cast(:counts as bigint[]))
            as c (id, amount, count)
        where a.id = c.id
    )
    insert into ledger_entries (debit, credit, amount, kind, source, effective_time, lot, create_time)
    select e.*, cast(:now as timestamptz)
    from unnest(cast(:debits as bigint[]), cast(:credits as bigint[]), cast(:amounts as bigint[]),
                cast(:kinds as text[]), cast(:sources as text[]), cast(:times as timestamptz[]),
                cast(:lots as uuid[])) as e
"""
POST_WITHOUT_LOTS = text(f"with {_MOVE}")
POST = text(f"""
    with granted as (
        insert into ledger_lots (unit, id, owner, source, granted, grant_time, available_time, expire_time,
                                 pending, available, held, announced)
        select :unit, l.* from unnest(
            cast(:new as uuid[]), cast(:owners as uuid[]), cast(:lot_sources as text[]), cast(:granted as bigint[]),
            cast(:grant_times as timestamptz[]), cast(:available_times as timestamptz[]),
            cast(:expire_times as timestamptz[]), cast(:pending as bigint[]), cast(:available as bigint[]),
            cast(:held as bigint[]), cast(:announced as boolean[])) as l
    ), drawn as (
        update ledger_lots l
        set pending = l.pending + d.pending, available = l.available + d.available, held = l.held + d.held
        from unnest(cast(:drawn as uuid[]), cast(:drawn_pending as bigint[]), cast(:drawn_available as bigint[]),
                    cast(:drawn_held as bigint[])) as d (id, pending, available, held)
        where l.id = d.id
    ), {_MOVE}
""")

_LOT = "id, owner, source, granted, grant_time, available_time, expire_time, pending, available, held"
LOTS = text(f"select {_LOT} from ledger_lots where id = any(cast(:ids as uuid[]))")
# The index gives the lots of one owner in this order; nothing is sorted, and no more come than the amount needs.
SPENDABLE = text(f"""
    select {_LOT} from unnest(cast(:owners as uuid[]), cast(:amounts as bigint[])) as o (asked, amount)
    cross join lateral (
        select *, sum(available) over (order by expire_time, grant_time, id) - available as before
        from (
            select {_LOT} from ledger_lots
            where ledger_lots.owner = o.asked and unit = :unit and available > 0
            order by expire_time, grant_time, id limit :limit
        ) first
    ) l
    where l.before < o.amount or l.before = 0
""")
# What has expired of a lot is what went to the account `into`, less what came back from there.
LOTS_FROM = text(f"""
    with asked as (
        select * from unnest(cast(:owners as uuid[]), cast(:sources as text[])) as o (owner, source)
    ), lapses as (
        select e.lot, cast(sum(case c.kind when :into then e.amount else -e.amount end) as bigint) as lapsed
        from (select distinct source from asked) s
        join ledger_entries e on e.source = s.source and e.kind = 'LAPSE' and e.lot is not null
        join ledger_accounts c on c.id = e.credit
        group by e.lot
    ), left_over as (
        select l.* from asked o cross join lateral (
            select {_LOT} from ledger_lots
            where ledger_lots.owner = o.owner and unit = :unit and ledger_lots.source = o.source
                  and (pending > 0 or available > 0)
        ) l
    ), gone as (
        select l.* from lapses g join ledger_lots l on l.id = g.lot
        join asked o on o.owner = l.owner and o.source = l.source
        where l.unit = :unit and l.pending = 0 and l.available = 0 and g.lapsed > 0
    )
    select l.*, coalesce(g.lapsed, 0) as lapsed from (
        select {_LOT} from left_over union all select {_LOT} from gone
    ) l left join lapses g on g.lot = l.id
""")

# What happened to the owner's accounts until an instant: what came in, and what went out.
_MOVES_AT = """
    with mine as (select id, kind from ledger_accounts where unit = :unit and owner = :owner and sign <> 0),
    moves as (
        select mine.kind, e.lot, e.amount from mine join ledger_entries e on e.credit = mine.id
        where e.create_time <= cast(:time as timestamptz)
        union all
        select mine.kind, e.lot, -e.amount from mine join ledger_entries e on e.debit = mine.id
        where e.create_time <= cast(:time as timestamptz)
    )
"""
BALANCES_AT = text(f"{_MOVES_AT} select kind, sum(amount) from moves group by kind")
LOTS_AT = text(f"""
    {_MOVES_AT}, left_over as (
        select lot, coalesce(sum(amount) filter (where kind = 'pending'), 0) as pending,
               coalesce(sum(amount) filter (where kind = 'available'), 0) as available,
               coalesce(sum(amount) filter (where kind = 'held'), 0) as held
        from moves where lot is not null group by lot
    )
    select l.id, l.owner, l.source, l.granted, l.grant_time, l.available_time, l.expire_time,
           cast(o.pending as bigint), cast(o.available as bigint), cast(o.held as bigint)
    from left_over o join ledger_lots l on l.id = o.lot where o.pending > 0 or o.available > 0 or o.held > 0
""")

# Each account is read through its own index, newest first, and never further than the page.
ENTRIES = text("""
    with mine as (select id from ledger_accounts where unit = :unit and owner = :owner),
    page as (
        select e.* from mine cross join lateral (
            select * from ledger_entries
            where debit = mine.id and id < coalesce(cast(:before as bigint), 9223372036854775807)
            order by id desc limit :limit
        ) e
        union
        select e.* from mine cross join lateral (
            select * from ledger_entries
            where credit = mine.id and id < coalesce(cast(:before as bigint), 9223372036854775807)
            order by id desc limit :limit
        ) e
    )
    select page.id, d.kind, c.kind, page.amount, page.kind, page.source, page.effective_time, page.create_time,
           page.lot
    from page join ledger_accounts d on d.id = page.debit join ledger_accounts c on c.id = page.credit
    order by page.id desc limit :limit
""")

# All in one statement, so that no lot travels. Whoever is busy is left out, and several sweep at once, each another
# part of what is due: nobody waits for them. A lot that was spent since the statement began is looked at anew, as
# PostgreSQL does with every row of an update that somebody else has changed; one that a merge has given to another
# owner since, whose account is not locked here, is left to the next round.
EXPIRE = text("""
    with due as (
        select distinct owner from (
            select owner from ledger_lots
            where expire_time <= cast(:now as timestamptz) and available > 0 and unit = :unit
            order by expire_time limit :window
        ) earliest
    ), free as (
        select a.id, a.owner from due join ledger_accounts a on a.owner = due.owner
        where a.unit = :unit and a.kind = 'available'
        limit :owners for update of a skip locked
    ), chosen as (
        select l.id, free.owner from free cross join lateral (
            select id from ledger_lots
            where ledger_lots.owner = free.owner and unit = :unit and available > 0
                  and expire_time <= cast(:now as timestamptz)
            order by expire_time limit :limit
        ) l
        limit :limit
    ), gone as (
        update ledger_lots l set available = 0 from chosen
        where l.id = chosen.id and l.owner = chosen.owner
              and l.available > 0 and l.expire_time <= cast(:now as timestamptz)
        returning l.id, l.owner, l.source, l.expire_time, old.available as amount
    ), sums as (
        select owner, sum(amount) as amount, count(*) as count from gone group by owner
    ), moved as (
        update ledger_accounts a set balance = a.balance - s.amount, version = a.version + s.count
        from free join sums s on s.owner = free.owner where a.id = free.id
    ), posted as (
        insert into ledger_entries (debit, credit, amount, kind, source, effective_time, lot, create_time)
        select free.id, (select id from ledger_accounts where unit = :unit and owner = :house and kind = :into),
               g.amount, 'LAPSE', g.source, g.expire_time, g.id, cast(:now as timestamptz)
        from gone g join free on free.owner = g.owner
    )
    select count(*), coalesce(sum(amount), 0) from gone
""")
EXPIRING = text("""
    select owner, expire_time, sum(available) from ledger_lots
    where unit = :unit and available > 0 and expire_time is not null and not announced
          and (expire_time, owner) > (cast(:after as timestamptz), cast(:owner as uuid))
          and expire_time <= cast(:until as timestamptz)
    group by expire_time, owner order by expire_time, owner limit :limit
""")
DUE_TO_MATURE = text(f"""
    select {_LOT} from ledger_lots
    where available_time <= cast(:now as timestamptz) and pending > 0 and unit = :unit
    order by available_time limit :limit
""")
PENDING_OF = text(f"""
    select {_LOT} from ledger_lots
    where unit = :unit and owner = any(cast(:owners as uuid[])) and pending > 0
          and available_time <= cast(:now as timestamptz)
""")
SET_AVAILABLE_TIME = text("""
    update ledger_lots l set available_time = n.time, expire_time = n.expire_time, announced = n.announced
    from unnest(cast(:ids as uuid[]), cast(:times as timestamptz[]), cast(:expire_times as timestamptz[]),
                cast(:announced as boolean[])) as n (id, time, expire_time, announced)
    where l.id = n.id
""")
