"""The tables and set-based statements under `kit.posting`: one append-only ledger for points and whatever is counted.

An entry is one transfer. Nobody changes or deletes an entry: the role has no right to, and a trigger refuses those who
have. An account's balance is a projection of its entries, kept by the statement that writes them and bounded by a
CHECK, so that even a fault in a domain can't spend what is not there.

The accounts `pending`, `available` and `held` may be divided into lots, which expire. What is left of a lot is a
projection too: of the entries that name it. Whoever changes a lot has locked its owner's accounts. Only the entries
say what has expired of it (`LAPSE`).

Entries are divided by their ids (`kit.db.partitions`), for their log never ends; accounts and lots are not.
"""

from kit.ledger.schema import (
    add_lots,
    create,
    define,
    divide,
    index_heirs,
    index_heirs_before,
    index_lapses,
    index_lapses_before,
    mark_announced,
)
from kit.ledger.store import Entry, Ledger, Position, Positions, Present

__all__ = [
    "Entry",
    "Ledger",
    "Position",
    "Positions",
    "Present",
    "add_lots",
    "create",
    "define",
    "divide",
    "index_heirs",
    "index_heirs_before",
    "index_lapses",
    "index_lapses_before",
    "mark_announced",
]
