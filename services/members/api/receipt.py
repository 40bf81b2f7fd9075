"""Receipts between the wire and the use-cases."""

from __future__ import annotations

from kehu.members.v1 import receipts_pb2 as pb

from kit import names
from kit.errors import invalid
from kit.rpc.convert import instant, money, wire_instant, wire_money
from services.members.api.audit import author
from services.members.domain.receipt import Algorithm, Receipt, ReceiptClaim, ReceiptKey, check_public_key
from services.members.usecases.receipt import Claim, CreateKey, RetireKey, RevokeKey


def create_key(request: pb.CreateReceiptKeyRequest) -> CreateKey:
    """Read a request to register a key, which gets its id here."""
    key = request.receipt_key
    if bool(key.store) != bool(key.public_key):
        raise invalid("receipt_key.public_key", "must be given together with the store, or neither")
    if key.public_key:
        check_public_key(key.public_key, "receipt_key.public_key")
    return CreateKey(names.new_id(), author(), key.store, key.public_key)


def retire_key(request: pb.RetireReceiptKeyRequest) -> RetireKey:
    """Read a request to let a key sign no more."""
    time = instant(request.retire_time, field="retire_time") if request.HasField("retire_time") else None
    return RetireKey(names.id_of("receiptKeys", request.name), author(), request.reason, time)


def revoke_key(request: pb.RevokeReceiptKeyRequest) -> RevokeKey:
    """Read a request to trust a key no more."""
    return RevokeKey(names.id_of("receiptKeys", request.name), author(), request.reason)


def receipts(request: pb.IssueReceiptCodesRequest) -> list[Receipt]:
    """Read the receipts whose codes are asked for."""
    return [_receipt(wire, f"receipts[{index}]") for index, wire in enumerate(request.receipts)]


def claim(request: pb.ClaimReceiptRequest) -> Claim:
    """Read a request to claim a receipt; the claim gets its id here."""
    member = names.id_of("members", request.parent, field="parent")
    return Claim(names.new_id(), member, request.code.strip(), request.device)


def codes(issued: list[str]) -> pb.IssueReceiptCodesResponse:
    """Show codes."""
    return pb.IssueReceiptCodesResponse(codes=issued)


def key(known: ReceiptKey) -> pb.ReceiptKey:
    """Show a key, but for what is secret of it."""
    state = "REVOKED" if known.revoke_time else "RETIRED" if known.retire_time else "ACTIVE"
    return pb.ReceiptKey(
        name=names.join("receiptKeys", known.id),
        store=known.store,
        public_key=known.material if known.algorithm is Algorithm.EDDSA else b"",
        algorithm=known.algorithm,
        state=pb.ReceiptKey.State.Value(f"STATE_{state}"),
        create_time=wire_instant(known.create_time),
        retire_time=wire_instant(known.retire_time) if known.retire_time else None,
        revoke_time=wire_instant(known.revoke_time) if known.revoke_time else None,
    )


def render(known: ReceiptClaim) -> pb.ReceiptClaim:
    """Show a claim."""
    receipt = known.receipt
    return pb.ReceiptClaim(
        name=names.join("members", known.member, "receiptClaims", known.id),
        receipt=pb.Receipt(
            store=receipt.store,
            number=receipt.number,
            amount=wire_money(receipt.amount),
            purchase_time=wire_instant(receipt.time),
        ),
        points=known.points,
        receipt_key=names.join("receiptKeys", known.key),
        claim_time=wire_instant(known.claim_time),
        purchase=names.join("members", known.member, "purchases", known.id),
    )


def _receipt(wire: pb.Receipt, field: str) -> Receipt:
    amount = money(wire.amount, field=f"{field}.amount")
    if amount.minor <= 0:
        raise invalid(f"{field}.amount", "must be more than nothing")
    return Receipt(wire.store, wire.number, amount, instant(wire.purchase_time, field=f"{field}.purchase_time"))
