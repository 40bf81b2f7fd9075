"""What a line of the audit log says, and the pace that members keep."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from kehu.members.v1 import identity_pb2, ledger_pb2, members_pb2
from kehu.orders.v1 import products_pb2

from kit.errors import Fault, Kind
from kit.rpc import audit, pace
from kit.rpc.call import Identity
from kit.rpc.pace import Pace
from kit.rpc.policy import methods_of
from kit.telemetry import logs

ROOT = Path(__file__).resolve().parents[2]
ID = "018f0000-0000-7000-8000-000000000001"
MEMBER = f"members/{ID}"


@pytest.fixture(autouse=True)
def _logging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_always", {"service": "members", "role": "serve"})


def written(capsys: pytest.CaptureFixture[str], fault: Fault | None = None) -> dict[str, object]:
    method = methods_of("kehu.members.v1.IdentityService")["/kehu.members.v1.IdentityService/EraseMember"]
    request = identity_pb2.EraseMemberRequest(name=MEMBER, reason="asked by 13800138000")
    audit.write(method, Identity("anna", ("admin", "auditor"), "/cn"), request, fault)
    line: dict[str, object] = json.loads(capsys.readouterr().out)
    return line


def test_a_line_says_who_did_what_to_what_and_how_it_ended(capsys: pytest.CaptureFixture[str]) -> None:
    line = written(capsys)

    assert line.pop("time")
    assert line == {
        "level": "info",
        "message": "audit",
        "method": "kehu.members.v1.IdentityService/EraseMember",
        "scope": "members.erase",
        "caller": "anna",
        "roles": "admin auditor",
        "org": "/cn",
        "resource": MEMBER,
        "status": "OK",
        "reason": "",
        "service": "members",
        "role": "serve",
    }


def test_a_refusal_and_a_call_broken_off_are_told_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    refused = written(capsys, Fault(Kind.FAILED_PRECONDITION, "MEMBER_ERASED", "was erased"))
    with contextlib.suppress(TimeoutError):
        try:
            raise TimeoutError
        finally:
            broken = written(capsys)

    assert (refused["status"], refused["reason"]) == ("FAILED_PRECONDITION", "MEMBER_ERASED")
    assert broken["status"] == "UNKNOWN"


def test_a_line_is_written_however_little_the_operator_wants_to_read() -> None:
    told = """
from kit.telemetry import configure_logs, line, log, record
record("audit", status="before the start")
configure_logs("orders", "serve", "error")
line("rpc", status="OK")
log.warning("something")
record("audit", status="OK")
"""
    written = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True, cwd=ROOT).stdout

    (line,) = written.splitlines()
    assert (json.loads(line)["message"], json.loads(line)["service"]) == ("audit", "orders")


@pytest.mark.parametrize(
    ("request_of", "resource"),
    [
        (members_pb2.GetMemberRequest(name=MEMBER), MEMBER),
        (members_pb2.ListEntriesRequest(parent=MEMBER), MEMBER),
        (identity_pb2.MergeMembersRequest(merged_member=MEMBER, member=f"{MEMBER[:-1]}2"), f"{MEMBER[:-1]}2"),
        (products_pb2.UpdateProductRequest(product=products_pb2.Product(name=f"products/{ID}")), f"products/{ID}"),
        (members_pb2.LookupMemberRequest(phone="+8613800138000"), ""),
        (members_pb2.EnrollMemberRequest(member=members_pb2.Member(display_name="张三")), ""),
        (members_pb2.GetMemberRequest(name="members/张三 13800138000"), ""),
        (ledger_pb2.BatchAdjustPointsRequest(rows=[]), ""),
        (ValueError("no message"), ""),
    ],
)
def test_what_is_named_is_a_resource_and_nothing_else(request_of: object, resource: str) -> None:
    assert audit.resource(request_of) == resource


def test_a_member_who_calls_too_often_is_told_to_wait_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("kit.rpc.pace.time.monotonic", lambda: now[0])
    kept = Pace(10)
    busy, quiet, shop = Identity("members/1"), Identity("members/2"), Identity("service:shop")

    for _ in range(21):
        kept.keep(busy)
    with pytest.raises(Fault) as caught:
        kept.keep(busy)
    for _ in range(100):
        kept.keep(shop)
    kept.keep(quiet)
    now[0] += 0.11
    kept.keep(busy)

    wait = caught.value.retry_after
    assert (caught.value.kind, caught.value.reason) == (Kind.RESOURCE_EXHAUSTED, "OVERLOADED")
    assert wait is not None
    assert 0 < wait.total_seconds() <= 0.11


def test_members_who_are_quiet_again_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("kit.rpc.pace.time.monotonic", lambda: now[0])
    monkeypatch.setattr(pace, "_REMEMBERED", 5)
    kept = Pace(10)
    for number in range(5):
        kept.keep(Identity(f"members/{number}"))
    now[0] += 60

    kept.keep(Identity("members/5"))

    assert set(kept._full) == {"members/5"}


def test_no_pace_is_kept_where_none_is_set() -> None:
    free = Pace(0)
    for _ in range(1000):
        free.keep(Identity("members/1"))
