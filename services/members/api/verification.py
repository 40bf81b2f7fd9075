"""Verifications on the wire, and as files that are verified without this service."""

from __future__ import annotations

import json

from kehu.members.v1 import ledger_pb2 as pb

from kit import names
from kit.rpc.convert import wire_instant
from kit.signing import payload
from services.members.domain.verification import Signed


def verification(signed: Signed) -> pb.Verification:
    """Show a verification: what was signed says all of it."""
    checks = json.loads(payload(signed.jws))["checks"]
    return pb.Verification(
        name=names.join("members", signed.member, "verifications", str(signed.sequence)),
        create_time=wire_instant(signed.time),
        ok=signed.ok,
        checks=[pb.Check(**check, ok=check["expected"] == check["actual"]) for check in checks],
        previous_hash=signed.previous,
        hash=signed.hash,
        jws=signed.jws,
    )
