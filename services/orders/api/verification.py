"""Verifications on the wire, and as files that are verified without this service."""

from __future__ import annotations

import json

from kehu.orders.v1 import proofs_pb2 as pb

from kit import names
from kit.rpc.convert import wire_instant
from kit.signing import payload
from services.orders.domain.verification import Check, Kind, Signed


def verification(signed: Signed) -> pb.OrderVerification:
    """Show a verification: what was signed says all of it."""
    checks = json.loads(payload(signed.jws))["checks"]
    return pb.OrderVerification(
        name=names.join("orders", signed.order, "verifications", str(signed.sequence)),
        create_time=wire_instant(signed.time),
        ok=signed.ok,
        checks=[_check(Check(Kind(each.pop("kind")), **each)) for each in checks],
        previous_hash=signed.previous,
        hash=signed.hash,
        jws=signed.jws,
    )


def _check(check: Check) -> pb.OrderCheck:
    return pb.OrderCheck(
        kind=check.kind,
        subject=check.subject,
        expected=check.expected,
        actual=check.actual,
        verdict=pb.OrderCheck.Verdict.Value(f"VERDICT_{check.verdict}"),
    )
