"""Every method of every service, as those meet it who may not call it; and what the audit log keeps of that."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from kehu.options.v1 import options_pb2

from kit.rpc import audit, policy
from kit.telemetry import logs
from tests.architecture.test_protos import METHODS, SERVICES
from tests.component.test_bad_input import running
from tests.support.rpc import Keys


def scope_of(method: MethodDescriptor) -> str:
    return str(method.GetOptions().Extensions[options_pb2.scope])


@pytest.fixture
def audited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that keeps the audit log."""
    monkeypatch.setattr(logs, "_always", {"service": "walls", "role": "serve"})


def outcome(channel: grpc.Channel, method: MethodDescriptor, bearer: str) -> grpc.StatusCode:
    path = f"/{method.containing_service.full_name}/{method.name}"
    request = message_factory.GetMessageClass(method.input_type)().SerializeToString()
    metadata = [("authorization", bearer)] if bearer else []
    try:
        if method.server_streaming:
            next(channel.unary_stream(path)(request, metadata=metadata, timeout=20))
        else:
            channel.unary_unary(path)(request, metadata=metadata, timeout=20)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return grpc.StatusCode.OK


@pytest.mark.parametrize("service", SERVICES)
def test_nobody_gets_in_without_a_token_or_a_scope_and_the_privileged_doors_keep_a_record(
    service: str, postgres: Any, keys: Keys, audited: None, capsys: pytest.CaptureFixture[str]
) -> None:
    own = [method for method in METHODS if method.full_name.startswith(f"kehu.{service}.") and scope_of(method)]
    stranger = keys.bearer("nobody-knows-this-role", subject="mallory", org="/cn/east")
    with running(service, postgres, keys) as channel:
        anonymous = {outcome(channel, method, "") for method in own}
        capsys.readouterr()
        refused = {outcome(channel, method, stranger) for method in own}

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    entries = [entry for entry in lines if entry["message"] == "audit"]
    assert anonymous == {grpc.StatusCode.UNAUTHENTICATED}
    assert refused == {grpc.StatusCode.PERMISSION_DENIED}
    assert sorted(entry["method"].rpartition("/")[2] for entry in entries) == sorted(
        method.name for method in own if audit.privileged(scope_of(method))
    )
    for entry in entries:
        assert (entry["caller"], entry["org"]) == ("mallory", "/cn/east")
        assert (entry["status"], entry["reason"]) == ("PERMISSION_DENIED", "SCOPE_MISSING")


def test_what_changes_something_is_recorded_unless_it_is_everyday_business() -> None:
    scopes = {scope_of(method) for method in METHODS} - {""}

    unrecorded = {scope for scope in scopes if not audit.privileged(scope)}

    assert {scope for scope in unrecorded if not scope.endswith(".read")} == audit.EVERYDAY & scopes
    assert scopes >= audit.EVERYDAY, "a scope that no method has"
    for scope in ("orders.refund", "refunds.approve", "ledger.adjust", "members.erase", "members.pii", "audit.read"):
        assert audit.privileged(scope)


def test_every_method_knows_whether_it_is_recorded() -> None:
    for method in METHODS:
        service = method.containing_service.full_name
        known = policy.methods_of(service)[f"/{service}/{method.name}"]
        assert known.privileged == audit.privileged(scope_of(method))
