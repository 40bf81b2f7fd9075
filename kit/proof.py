"""Statements about what was recomputed: their one form, their hashes, and how each follows the one before.

A statement says at least `name`, `ok`, `checks` (each with what is `expected` and the `actual`) and `previousHash`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

GENESIS = "0" * 64
"""What stands in the first of a chain in place of the hash of the one before."""


def canonical(value: Any) -> str:
    """JSON in its one form: keys sorted, no spaces, no escapes but those that JSON demands."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def hash_of(payload: str) -> str:
    """The SHA-256 of a statement's payload, in hexadecimal."""
    return hashlib.sha256(payload.encode()).hexdigest()


def chain_faults(payloads: Sequence[str]) -> list[str]:
    """What is wrong with consecutive statements of one subject: empty when each says what it should and follows the
    one before. Their signatures are verified before."""
    found, before = list[str](), dict[str, Any]()
    for text in payloads:
        says: dict[str, Any] = json.loads(text)
        if says["ok"] != all(each["expected"] == each["actual"] for each in says["checks"]):
            found.append(f"{says['name']} says otherwise than its checks")
        if before and says["previousHash"] != before["hash"]:
            found.append(f"{says['name']} does not follow {before['name']}")
        before = {"name": says["name"], "hash": hash_of(text)}
    return found
