"""What a crowd does to stock, and what other systems tell: receipts, counts, transfers, reservations, imports."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from kehu.members.v1.events_pb2 import MemberErased

from kit.money import Money
from kit.names import new_id
from kit.worker import Received
from services.orders.consumer import forget_members, note_members
from services.orders.domain.ingest import PlatformOrder, PlatformRefund
from services.orders.domain.stock import MAIN, MovementKind, Place
from services.orders.domain.stock_policy import Policy, PolicyKind
from services.orders.usecases import ingest, reservation, stock, stock_count, stock_transfer
from services.orders.usecases.imports import import_orders
from services.orders.usecases.ingest import IngestOrders, Key
from services.orders.usecases.opportunity import Deal, DealLine, order_deals
from services.orders.usecases.reservation import Reserve
from services.orders.usecases.stock import AdjustStock, ReceiveStock, UpdateStock
from services.orders.usecases.stock_count import EnterCount, OpenCount
from services.orders.usecases.stock_transfer import ReceiveTransfer, ShipTransfer
from tests.contract.orders.crowd import Crowd
from tests.support.builders.ingest import a_platform_line, a_platform_order
from tests.support.builders.orders import NOW, an_import_line, an_import_row

SHOP = "tmall-1"
WEST = "west"
_UNPAID, _PAID, _SHIPPED, _COMPLETED, _CANCELLED = 10, 30, 95, 110, 5


@dataclass
class Stocked(Crowd):
    """A crowd around the shelves."""

    transfers: list[UUID] = field(default_factory=list)
    counts: list[UUID] = field(default_factory=list)

    def somewhere(self) -> Place:
        """A place that has stock."""
        return Place(self.anything().id, self.chance.choice([MAIN, MAIN, WEST]))

    def receive(self) -> None:
        self.write(stock.receive_stock, ReceiveStock(self.somewhere(), self.chance.choice([1, 4]), "came in"))

    def adjust(self) -> None:
        delta = self.chance.choice([-2, -1, 1])
        self.write(stock.adjust_stock, AdjustStock(self.somewhere(), delta, MovementKind.COUNTED, "", None))

    def change_policy(self) -> None:
        buffer = self.chance.choice([0, 0, 1])
        policy = self.chance.choice([Policy(), Policy(PolicyKind.BACKORDER, 6), Policy(PolicyKind.BACKORDER, 2)])
        place = Place(self.products["later"].id)
        fields = frozenset({"buffer", "threshold", "policy"})
        self.write(stock.update_stock, UpdateStock(place, fields, buffer, 2, policy, None))

    def send(self) -> None:
        ends = self.chance.sample([MAIN, WEST], 2)
        items = ((self.anything().id, self.chance.choice([1, 2])),)
        shipped = ShipTransfer(new_id(), ends[0], ends[1], items, "", self.rarely(0.4))
        self.transfers.append(self.write(stock_transfer.ship_transfer, shipped).id)

    def end_transfer(self) -> None:
        if not self.transfers:
            return
        transfer = self.chance.choice(self.transfers)
        if self.rarely(0.3):
            self.write(stock_transfer.cancel_transfer, transfer)
        else:
            self.write(stock_transfer.receive_transfer, ReceiveTransfer(transfer, None))

    def count(self) -> None:
        opened = self.write(stock_count.open_count, OpenCount(new_id(), self.chance.choice([MAIN, WEST]), ""))
        self.counts.append(opened.id)

    def enter_count(self) -> None:
        if self.counts:
            place = self.somewhere()
            found = self.database.read(lambda unit: unit.stocks.get(place))
            there = max(0, (found.on_hand if found else 0) + self.chance.choice([-1, 0, 1]))
            self.write(stock_count.enter_count, EnterCount(self.chance.choice(self.counts), {place.product: there}))

    def end_count(self) -> None:
        if self.counts:
            how = self.chance.choice([stock_count.post_count, stock_count.post_count, stock_count.cancel_count])
            self.write(how, self.chance.choice(self.counts))

    def set_aside(self) -> None:
        items = tuple((each.id, 1) for each in self.chance.sample(list(self.products.values()), 2))
        ttl = timedelta(minutes=self.chance.choice([1, 30]))
        self.reserved.append(self.write(reservation.reserve, Reserve(new_id(), items, "", "till", ttl)))

    def end_reservation(self) -> None:
        if self.reserved:
            how = self.chance.choice([reservation.release_reservation, reservation.confirm_reservation])
            self.write(how, self.chance.choice(self.reserved).id)

    def ingest(self) -> None:
        rows = [self._told(number) for number in self.chance.sample(range(12), 2)]
        for result in self.write(ingest.ingest_orders, IngestOrders(SHOP, rows)):
            if result.order is not None and result.order not in self.placed:
                self.placed.append(result.order)

    def _told(self, number: int) -> PlatformOrder:
        """Some version of an order of a platform; a version always tells the same."""
        version = self.chance.randrange(6)
        tid = f"T{number}"
        status = [_UNPAID, _PAID, _SHIPPED, _PAID, _COMPLETED, _CANCELLED][(version + number) % 6]
        sku = list(self.products.values())[number % len(self.products)].sku
        line = a_platform_line(oid=f"{tid}-1", sku=sku, quantity=1 + number % 3, amount=9_9950 * (1 + number % 3))
        refunds = (PlatformRefund(f"{tid}-R", ((f"{tid}-1", 1, 0),)),) if version > 2 and number % 2 else ()
        member = self.story.people[number % len(self.story.people)]
        return a_platform_order(line, tid=tid, status=status, version=version, refunds=refunds, member=member)

    def retry_ingest(self) -> None:
        self.write(ingest.retry, Key(SHOP, f"T{self.chance.randrange(12)}"))

    def take_over(self) -> None:
        numbers = self.chance.sample(range(9), 3)
        amounts = self.chance.choice([100, 200])
        lines = [an_import_line(amount=amounts + number, currency="CNY") for number in numbers]
        rows = [
            an_import_row(line, external_id=str(number), member=self.anybody())
            for number, line in zip(numbers, lines, strict=True)
        ]
        self.placed += [each.order for each in self.write(import_orders, rows) if each.order]

    def win(self) -> None:
        line = DealLine(self.anything().id, self.chance.choice([1, 3]), Money(700, "CNY"))
        deals = [Deal(new_id(), UUID(int=self.chance.randrange(20)), new_id(), (line,))]
        self.placed += [order.id for order in self.write(order_deals, deals)]

    def merge(self) -> None:
        with self.mutex:
            step = self.chance.choice([self.story.merge, self.story.undo])
            step(*self.chance.sample(self.story.people, 2))
        self.hear_of_merges()

    def hear_of_merges(self) -> None:
        if self.story.told:
            told = {each.id: each for each in self.chance.choices(self.story.told[-6:], k=3)}
            self.write(note_members, list(told.values()))

    def erase(self) -> None:
        if self.rarely(0.04):
            self.write(forget_members, [_erased(self.anybody())])


def _erased(member: UUID) -> Received:
    """The event that a member was forgotten."""
    message = MemberErased(member=f"members/{member}")
    return Received(new_id(), "MemberErased", message.member, 9, NOW, message)
