"""Keys of receipts and claims of receipts as rows."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Row, text

from kit.money import Money
from kit.page import Page
from kit.vault import Vault
from services.members.domain.receipt import Algorithm, Receipt, ReceiptClaim, ReceiptKey

_KEYS = "select id, store, public_key, create_time, retire_time, revoke_time from receipt_keys"
# Whoever revokes a key waits for the claims that have read it, so no claim slips in behind a revocation.
_READ = text(f"{_KEYS} where id = :id for share")
_SIGNING = text(f"""
    {_KEYS} where public_key is null and revoke_time is null
        and (retire_time is null or retire_time > cast(:now as timestamptz))
    order by create_time desc, id desc limit 1
""")
_PAGE = text(f"{_KEYS} where cast(:before as uuid) is null or id < cast(:before as uuid) order by id desc limit :limit")
_ADD = text("""
    insert into receipt_keys (id, store, public_key, create_time)
    values (:id, :store, cast(:public_key as bytea), cast(:create_time as timestamptz))
""")
_SAVE = text("""
    update receipt_keys set retire_time = cast(:retire_time as timestamptz),
        revoke_time = cast(:revoke_time as timestamptz)
    where id = :id
""")

_CLAIM = text("""
    insert into receipt_claims (id, member, store, number, amount, currency, purchase_time, points, key, claim_time)
    values (:id, :member, :store, :number, :amount, :currency, cast(:purchase_time as timestamptz), :points, :key,
            cast(:claim_time as timestamptz))
    on conflict on constraint receipt_claims_receipt do nothing returning id
""")
_CLAIMS = text("""
    select id, member, store, number, amount, currency, purchase_time, points, key, claim_time from receipt_claims
    where member = :member and (cast(:before as uuid) is null or id < cast(:before as uuid))
    order by id desc limit :limit
""")


class ReceiptKeyStore:
    """Keeps the keys that sign codes. The service's own secrets are derived from its keyring, and never stored."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    def read(self, key: UUID) -> ReceiptKey | None:
        """A key, which nobody changes until the end of the transaction."""
        row = self._connection.execute(_READ, {"id": key}).one_or_none()
        return self._key(row) if row else None

    def signing(self, now: datetime) -> ReceiptKey | None:
        """The newest key with which the service may sign."""
        row = self._connection.execute(_SIGNING, {"now": now}).one_or_none()
        return self._key(row) if row else None

    def page(self, page: Page) -> list[ReceiptKey]:
        """Keys before a position, the newest first."""
        before = UUID(page.after[0]) if page.after else None
        rows = self._connection.execute(_PAGE, {"before": before, "limit": page.fetch}).all()
        return [self._key(row) for row in rows]

    def add(self, key: ReceiptKey) -> None:
        """Keep a new key; nothing secret of it."""
        public = key.material if key.algorithm is Algorithm.EDDSA else None
        columns = {"id": key.id, "store": key.store, "public_key": public, "create_time": key.create_time}
        self._connection.execute(_ADD, columns)

    def save(self, key: ReceiptKey) -> None:
        """Keep the end that a key came to."""
        columns = {"id": key.id, "retire_time": key.retire_time, "revoke_time": key.revoke_time}
        self._connection.execute(_SAVE, columns)

    def _key(self, row: Row[tuple[object, ...]]) -> ReceiptKey:
        own = row.public_key is None
        material = self._vault.digest("receipt key", str(row.id)).encode() if own else bytes(row.public_key)
        algorithm = Algorithm.HS256 if own else Algorithm.EDDSA
        return ReceiptKey(row.id, row.store, algorithm, material, row.create_time, row.retire_time, row.revoke_time)


class ReceiptClaimStore:
    """Keeps claims; a constraint sees to it that a receipt of a store is claimed once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, claim: ReceiptClaim) -> bool:
        """Keep a claim; answers whether the receipt was free."""
        receipt = claim.receipt
        columns = {
            "id": claim.id,
            "member": claim.member,
            "store": receipt.store,
            "number": receipt.number,
            "amount": receipt.amount.minor,
            "currency": receipt.amount.currency,
            "purchase_time": receipt.time,
            "points": claim.points,
            "key": claim.key,
            "claim_time": claim.claim_time,
        }
        return self._connection.execute(_CLAIM, columns).scalar_one_or_none() is not None

    def page(self, member: UUID, page: Page) -> list[ReceiptClaim]:
        """Claims of a member before a position, the newest first."""
        before = UUID(page.after[0]) if page.after else None
        rows = self._connection.execute(_CLAIMS, {"member": member, "before": before, "limit": page.fetch}).all()
        return [_claim(row) for row in rows]


def _claim(row: Row[tuple[object, ...]]) -> ReceiptClaim:
    receipt = Receipt(row.store, row.number, Money(row.amount, row.currency), row.purchase_time)
    return ReceiptClaim(row.id, row.member, receipt, row.points, row.key, row.claim_time)
