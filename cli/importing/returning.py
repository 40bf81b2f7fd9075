"""Cancellations and returns: taken off the order that they name, if the file has it and it holds that much."""

from __future__ import annotations

from cli.importing.report import Account, Remark
from cli.importing.scratch import Line, Return, Scratch


def settle(scratch: Scratch, account: Account) -> None:
    """Take all the returns off their orders. An order of which nothing is left is not imported.

    A return that does not fit is rejected. So are the rows of an order that was returned as a whole, and its returns:
    nothing of them is in.
    """
    indexed = False
    for order, returns in scratch.returns():
        if not indexed:
            scratch.index_lines()
            indexed = True
        currency, lines = scratch.lines_of(order)
        left = list(lines)
        fitting = [each for each in returns if _fits(each, currency, left, account)]
        if fitting and not any(line.quantity for line in left):
            rows: list[Line | Return] = [*lines, *fitting]
            for each in rows:
                _reject(each, "ORDER_CANCELLED", f"order and cancellations of {order} make nothing together", account)
        scratch.change(left)


def _fits(given_back: Return, currency: str, lines: list[Line], account: Account) -> bool:
    """Take one return off `lines`, or reject it."""
    if not lines:
        reason, why = "CANCELLATION_UNMATCHED", f"this file has no order {given_back.cancels}"
    elif currency != given_back.currency:
        reason, why = "CURRENCY_MIXED", f"the order is in {currency}"
    elif not _take_off(given_back, lines):
        reason, why = "CANCELLATION_EXCEEDS", f"order {given_back.cancels} has no line that holds so much"
    else:
        return True
    _reject(given_back, reason, why, account)
    return False


def _take_off(given_back: Return, lines: list[Line]) -> bool:
    for place, line in enumerate(lines):
        quantity, amount = line.quantity - given_back.quantity, line.amount - given_back.amount
        if line.sku == given_back.sku and quantity >= 0 and amount >= 0 and (quantity > 0 or amount == 0):
            lines[place] = line._replace(quantity=quantity, amount=amount)
            return True
    return False


def _reject(row: Line | Return, reason: str, why: str, account: Account) -> None:
    account.accepted -= 1
    account.rejected.add(Remark(row.line, "cancels", reason, why, row.text))
