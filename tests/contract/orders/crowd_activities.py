"""What a crowd does in activities: flash sales, group buys, presales, bargains."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kit.names import new_id
from kit.page import Page
from services.orders.domain.bargain import Bargain, Haggle
from services.orders.domain.flash_sale import FlashSale
from services.orders.domain.group import GroupQuery
from services.orders.domain.group_buy import GroupBuy
from services.orders.domain.presale import Presale
from services.orders.usecases import flash_sale, group
from services.orders.usecases.bargain import BeginHaggle, BuyHaggle, CutPrice, begin_haggle, buy_haggle, cut_prices
from services.orders.usecases.flash_sale import UpdateFlashSale
from services.orders.usecases.flash_sale_purchase import buy as buy_flash
from services.orders.usecases.flash_sale_purchase import buy_thoroughly
from services.orders.usecases.group import FillGroup, take_seats
from services.orders.usecases.presale import CancelPresale, cancel_presale
from services.orders.usecases.presale_purchase import buy as buy_presale
from tests.contract.orders.crowd import Crowd
from tests.support.builders import flash_sales, groups, presales


@dataclass
class Joining(Crowd):
    """A crowd that joins in."""

    sales: list[FlashSale] = field(default_factory=list)
    group_buys: list[GroupBuy] = field(default_factory=list)
    presales: list[Presale] = field(default_factory=list)
    bargains: list[Bargain] = field(default_factory=list)
    haggles: list[Haggle] = field(default_factory=list)

    def rush(self) -> None:
        how = buy_thoroughly if self.rarely(0.3) else buy_flash
        clicks = [
            flash_sales.a_purchase(
                self.chance.choice(self.sales), member=self.anybody(), quantity=self.chance.choice([1, 1, 2])
            )
            for _ in range(self.chance.choice([1, 3]))
        ]
        self.some(how, clicks)

    def resize(self) -> None:
        sale, quota = self.chance.choice(self.sales), self.chance.choice([6, 8, 10])
        self.write(
            flash_sale.update_flash_sale, UpdateFlashSale(sale.id, lambda terms: replace(terms, quota=quota), None)
        )

    def open_group(self) -> None:
        self.some(take_seats, [groups.an_opening(self.chance.choice(self.group_buys), member=self.anybody())])

    def join_group(self) -> None:
        of = self.chance.choice(self.group_buys)
        page = self.database.read(group.list_groups, GroupQuery(of.id), Page(5))
        if page:
            joined = self.chance.choice(page)
            who = self.chance.sample(self.story.people, 2)
            self.some(take_seats, [groups.a_joining(joined, member=member) for member in who])

    def fill_group(self) -> None:
        of = self.chance.choice(self.group_buys)
        page = self.database.read(group.list_groups, GroupQuery(of.id), Page(5))
        if page and self.rarely(0.3):
            self.write(group.fill_group, FillGroup(of.id, self.chance.choice(page).id, 1, "", "users/ann"))

    def order_ahead(self) -> None:
        wanted = [
            presales.a_purchase(
                self.chance.choice(self.presales), member=self.anybody(), units=self.chance.choice([1, 2])
            )
            for _ in range(self.chance.choice([1, 2]))
        ]
        self.some(buy_presale, wanted)

    def call_off(self) -> None:
        if self.rarely(0.03):
            self.write(cancel_presale, CancelPresale(self.chance.choice(self.presales).id, None))

    def haggle(self) -> None:
        bargain = self.chance.choice(self.bargains)
        self.haggles.append(self.write(begin_haggle, BeginHaggle(bargain.id, new_id(), self.anybody())))

    def help(self) -> None:
        if self.haggles:
            haggle = self.chance.choice(self.haggles)
            self.one(cut_prices, CutPrice(haggle.bargain, haggle.id, self.anybody()))

    def buy_haggled(self) -> None:
        if self.haggles:
            haggle = self.chance.choice(self.haggles)
            order = self.write(buy_haggle, BuyHaggle(haggle.bargain, haggle.id, new_id(), haggle.member, "web"))
            self.placed.append(order.id)
