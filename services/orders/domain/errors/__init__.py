"""Why orders refuses: one constructor per reason of `kehu.orders.v1.ErrorReason`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from kit import names
from kit.errors import SOON, Fault, Kind, Violation, precondition
from kit.money import LIMIT, Money


def product_not_found(product: UUID) -> Fault:
    """No product has this id."""
    name = names.join("products", product)
    return Fault(Kind.NOT_FOUND, "PRODUCT_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def product_archived(product: UUID) -> Fault:
    """The product is not for sale any more."""
    name = names.join("products", product)
    return precondition("PRODUCT_ARCHIVED", f"{name} is archived", product=name)


def sku_taken() -> Fault:
    """Another product has this SKU."""
    return Fault(Kind.ALREADY_EXISTS, "SKU_TAKEN", "another product has this SKU")


def stock_not_found(name: str) -> Fault:
    """The product is not stocked there."""
    return Fault(Kind.NOT_FOUND, "STOCK_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def out_of_stock(product: UUID, *, requested: int, available: int) -> Fault:
    """Fewer units are free than an order asks for."""
    name = names.join("products", product)
    message = f"{name}: {requested} requested, {available} available"
    return precondition("OUT_OF_STOCK", message, product=name, requested=str(requested), available=str(available))


def stock_reserved(name: str, *, on_hand: int, reserved: int) -> Fault:
    """An adjustment would take units away that orders hold."""
    message = f"{name} would keep {on_hand} units, but {reserved} are reserved for orders"
    return precondition("STOCK_RESERVED", message, stock=name, on_hand=str(on_hand), reserved=str(reserved))


def order_not_found(order: UUID) -> Fault:
    """No order has this id."""
    name = names.join("orders", order)
    return Fault(Kind.NOT_FOUND, "ORDER_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def order_state_invalid(order: UUID, state: str) -> Fault:
    """The order's state does not allow the step."""
    name = names.join("orders", order)
    return precondition("ORDER_STATE_INVALID", f"{name} is {state}", order=name, state=state)


def order_expired(order: UUID, expire_time: datetime) -> Fault:
    """The time to pay is over."""
    name, until = names.join("orders", order), expire_time.isoformat()
    return precondition("ORDER_EXPIRED", f"{name} could be paid until {until}", order=name, expire_time=until)


def amount_mismatch(due: Money, amount: Money) -> Fault:
    """The payment is not exactly what is due."""
    return precondition("AMOUNT_MISMATCH", f"{due} is due, not {amount}", due=str(due), amount=str(amount))


def currency_mixed(currencies: Iterable[str]) -> Fault:
    """One order, several currencies."""
    listed = ", ".join(sorted(set(currencies)))
    return precondition("CURRENCY_MIXED", f"the order has prices in {listed}", currencies=listed)


def order_too_large(currency: str) -> Fault:
    """The order is worth more than any amount may be."""
    limit = str(Money(LIMIT, currency))
    return precondition("ORDER_TOO_LARGE", f"an order must be worth less than {limit}", limit=limit)


def coupon_refused(coupon: str, cause: str) -> Fault:
    """A coupon can't be used for the order; `coupon` is empty when it is not known which."""
    return precondition("COUPON_REFUSED", f"{coupon or 'a coupon'} is refused: {cause}", coupon=coupon, cause=cause)


def points_refused(member: UUID, cause: str) -> Fault:
    """The member's points can't be held."""
    name = names.join("members", member)
    return precondition("POINTS_REFUSED", f"the points of {name} are refused: {cause}", member=name, cause=cause)


def points_unsuitable(points: int, *, value: Money, total: Money) -> Fault:
    """The points are worth nothing, or more than the order."""
    message = f"{points} points are worth {value}, the order {total}"
    return precondition("POINTS_UNSUITABLE", message, points=str(points), value=str(value), total=str(total))


def refund_exceeds_line(position: int, *, requested: int, refundable: int) -> Fault:
    """More units than are left to give back."""
    message = f"line {position}: {requested} units requested, {refundable} left to refund"
    counts = {"requested": str(requested), "refundable": str(refundable)}
    return precondition("REFUND_EXCEEDS_LINE", message, position=str(position), **counts)


def refund_exceeds_amount(what: str, *, requested: int, refundable: int) -> Fault:
    """More minor units than are left to give back."""
    message = f"{what}: {requested} requested, {refundable} left to refund"
    counts = {"requested": str(requested), "refundable": str(refundable)}
    return precondition("REFUND_EXCEEDS_AMOUNT", message, what=what, **counts)


def overpaid(outstanding: Money, amount: Money) -> Fault:
    """More money came in than the order waits for."""
    message = f"{outstanding} is outstanding, not {amount}"
    return precondition("OVERPAID", message, outstanding=str(outstanding), amount=str(amount))


def payment_reused() -> Fault:
    """A provider's transaction, or a payment out of an account, has paid another order."""
    return Fault(Kind.ALREADY_EXISTS, "PAYMENT_REUSED", "this payment has paid another order")


def line_not_found(position: int) -> Fault:
    """The order has no such line."""
    return precondition("LINE_NOT_FOUND", f"the order has no line {position}", position=str(position))


def checkout_abandoned() -> Fault:
    """An earlier attempt of the same request was given up while this one shared its holds."""
    message = "an earlier attempt of this request was given up; try again"
    return Fault(Kind.ABORTED, "CHECKOUT_ABANDONED", message, retry_after=SOON)


def member_erased(member: UUID, *, order: UUID | None = None) -> Fault:
    """The member asked to be forgotten: nothing of it is stored again, nor of what it bought, such as an order."""
    name = names.join("members", member)
    what = {"order": names.join("orders", order)} if order else {}
    return precondition("MEMBER_ERASED", f"{name} was erased: nobody is known by it", member=name, **what)


def row_repeated() -> Fault:
    """An earlier row of the same call is the same order."""
    return _row("ROW_REPEATED", "is that of an earlier row of this call")


def row_conflicts(why: str) -> Fault:
    """The row's order is known and can't be changed to what the row says."""
    return _row("ROW_CONFLICTS", f"names a known order that {why}")


def _row(reason: str, description: str) -> Fault:
    violation = Violation("external_id", description)
    return Fault(Kind.FAILED_PRECONDITION, reason, f"external_id: {description}", violations=[violation])
