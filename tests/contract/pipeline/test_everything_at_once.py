"""Everything that may happen to leads, accounts and opportunities, at once and by chance, on many connections: nothing
fails but for a reason that is told, and whatever came of it holds together."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from kit.db import Database
from kit.money import Money
from services.pipeline.domain.contact import AccountRole, Role
from services.pipeline.storage.unit import PipelineUnit
from services.pipeline.usecases import account, contact, conversion, lead, opportunity, quote, rep
from services.pipeline.usecases.account import CreateAccount, UpdateAccount
from services.pipeline.usecases.contact import UpdateContact
from services.pipeline.usecases.conversion import ConvertLead, NewIds
from services.pipeline.usecases.lead import CaptureLead, DisqualifyLead
from services.pipeline.usecases.opportunity import (
    LinkOrder,
    LoseOpportunity,
    MoveOpportunity,
    UpdateOpportunity,
    WinOpportunity,
)
from services.pipeline.usecases.quote import AcceptQuote, CreateQuote
from services.pipeline.usecases.rep import UpdateRep
from tests.support.builders import pipeline as build
from tests.support.crowds import HARMFUL, let_loose

T = TypeVar("T")
ACTORS = 12
PARTS = ["", "/cn/east", "/cn/west"]


class NothingThereError(Exception):
    """There is nothing yet that this could be done to."""


@dataclass
class Crowd:
    """What has been made so far, for others to go on with. Lists only grow, so that actors may share them."""

    database: Database[PipelineUnit]
    reps: list[UUID]
    chance: random.Random = field(default_factory=random.Random)
    leads: list[UUID] = field(default_factory=list)
    accounts: list[UUID] = field(default_factory=list)
    contacts: list[UUID] = field(default_factory=list)
    deals: list[UUID] = field(default_factory=list)
    offers: list[tuple[UUID, UUID]] = field(default_factory=list)
    """Opportunities with a quote."""

    def _do(self, usecase: Callable[..., Any], command: object) -> Any:
        return self.database.write(usecase, command)

    def _last(self, things: list[T]) -> T:
        if not things:
            raise NothingThereError
        return self.chance.choice(things[-6:])

    def capture(self) -> None:
        person = {"email": f"{self.chance.randrange(6)}@b.cn"} if self.chance.random() < 0.6 else {}
        company = f"Door {self.chance.randrange(4)}"
        made = CaptureLead(uuid4(), "web", company_name=company, org=self.chance.choice(PARTS), **person)
        self.leads.append(self._do(lead.capture, made).lead.id)

    def convert(self) -> None:
        new = NewIds(uuid4(), uuid4(), uuid4())
        done = self._do(conversion.convert, ConvertLead(self._last(self.leads), "tester", new, role=Role.DECIDER))
        self.accounts.append(done.account.id)
        self.contacts.append(done.contact.id)
        self.deals.append(done.opportunity.id)

    def disqualify(self) -> None:
        self._do(lead.disqualify, DisqualifyLead(self._last(self.leads), "no budget"))

    def assign(self) -> None:
        self._do(lead.assign_waiting, 5)

    def move_rep(self) -> None:
        org, available = self.chance.choice(PARTS), self.chance.random() < 0.6
        changes: dict[str, Any] = self.chance.choice([{"org": org}, {"available": available}])
        self._do(rep.update, UpdateRep(self.chance.choice(self.reps), changes))

    def open_account(self) -> None:
        fields = {"display_name": f"Door {self.chance.randrange(4)}", "owner": self._owner()}
        self.accounts.append(self._do(account.create, CreateAccount(uuid4(), fields)).id)

    def change_account(self) -> None:
        parent = self.chance.choice([None, self._last(self.accounts)])
        changes = self.chance.choice([{"parent": parent}, {"owner": self._owner()}])
        self._do(account.update, UpdateAccount(self._last(self.accounts), changes))

    def _owner(self) -> UUID | None:
        return self.chance.choice([None, *self.reps])

    def change_contact(self) -> None:
        parts = tuple(AccountRole(each, Role.DECIDER, 3) for each in {self._last(self.accounts) for _ in range(2)})
        self._do(contact.update, UpdateContact(self._last(self.contacts), {"account_roles": parts}))

    def change_deal(self) -> None:
        contact_ = self._last(self.contacts)
        ripe = {"amount": Money(100_00, "USD"), "close_date": date(2027, 1, 1)}
        changes: dict[str, Any] = self.chance.choice([{"owner": self._owner()}, {"contact": contact_}, ripe, ripe])
        self._do(opportunity.update, UpdateOpportunity(self._last(self.deals), "tester", changes))

    def move_deal(self) -> None:
        stage = self.chance.choice(["QUALIFY", "DEVELOP", "PROPOSE", "NEGOTIATE"])
        self._do(opportunity.move, MoveOpportunity(self._last(self.deals), "tester", stage, reason="they say so"))

    def lose(self) -> None:
        if self.chance.random() < 0.3:
            self._do(opportunity.lose, LoseOpportunity(self._last(self.deals), "tester", "price", "Red Door"))

    def offer(self) -> None:
        made = self._do(quote.create, CreateQuote(uuid4(), self._last(self.deals), (build.line(),)))
        self.offers.append((made.opportunity, made.id))

    def accept(self) -> None:
        self._do(quote.accept, AcceptQuote(self._last(self.offers)[1]))

    def win(self) -> None:
        deal, offered = self._last(self.offers)
        self._do(opportunity.win, WinOpportunity(deal, "tester", offered, reason="they say so"))

    def hear_of_orders(self) -> None:
        links = [LinkOrder(self._last(self.deals), uuid4()) for _ in range(3)]
        self._do(opportunity.link_orders, links)


ACTS = [name for name in vars(Crowd) if name[0] != "_" and callable(getattr(Crowd, name))]
ACTS += 3 * ["capture", "convert", "move_rep", "change_deal", "move_deal", "offer", "accept", "win"]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("acts", [800, pytest.param(8_000, marks=pytest.mark.long)])
def test_everything_at_once_holds_together(database: Database[PipelineUnit], acts: int) -> None:
    people = [build.rep(weight=weight) for weight in (1, 2, 3)]
    for person in people:
        database.write(_add, person)
    crowd = Crowd(database, [person.id for person in people], random.Random(acts))
    told = let_loose(crowd, ACTS, acts, actors=ACTORS, nothing=NothingThereError)
    assert told["DONE"] > acts // 4, told
    assert not told.keys() & HARMFUL, told
    found = {name: database.read(_rows, query)[:5] for name, query in _CHECKS.items()}
    assert {name: rows for name, rows in found.items() if rows} == {}


def _add(unit: PipelineUnit, person: Any) -> None:
    unit.reps.add(person)


def _rows(unit: PipelineUnit, query: str) -> list[Any]:
    return [tuple(row) for row in unit.connection.execute(text(query))]


_CHECKS = {
    "what somebody owns is where its owner is": """
        select t.kind, t.id, t.org, r.org from (
            select 'leads' as kind, id, owner, org from leads union all
            select 'accounts', id, owner, org from accounts union all
            select 'opportunities', id, owner, org from opportunities
        ) t join reps r on r.id = t.owner where t.org <> r.org
    """,
    "open leads alone have keys": """
        select l.id, l.state from leads l left join lead_keys k on k.lead = l.id
        group by l.id having (l.state = 'OPEN') <> (count(k.lead) > 0)
    """,
    "a lead became all or nothing": """
        select id, state from leads
        where (state = 'CONVERTED') <> (account is not null and contact is not null and opportunity is not null)
    """,
    "a lead has an owner as it was given": """
        select l.id from leads l left join assignments a on a.lead = l.id where l.owner is distinct from a.owner
    """,
    "one quote is live": """
        select opportunity from quotes where state in ('OFFERED', 'ACCEPTED') group by 1 having count(*) > 1
    """,
    "what is won has its accepted quote": """
        select o.id from opportunities o left join quotes q on q.opportunity = o.id and q.state = 'ACCEPTED'
        where o.stage = 'WON' and q.id is null
    """,
    "the history has no gaps, never runs backwards, and ends where it is": """
        select * from (
            select s.opportunity, s.number, s.from_stage, s.to_stage, s.change_time, o.stage,
                   lag(to_stage) over steps as before, lag(change_time) over steps as time_before,
                   row_number() over steps as place, lead(number) over steps is null as last
            from stage_changes s join opportunities o on o.id = s.opportunity
            window steps as (partition by s.opportunity order by s.number)
        ) e
        where number <> place or from_stage <> coalesce(before, '') or change_time < time_before
           or last and to_stage <> stage
    """,
    "no account stands below itself": """
        with recursive above as (
            select id, parent from accounts where parent is not null
            union
            select above.id, a.parent from above join accounts a on a.id = above.parent where a.parent is not null
        ) select id from above where id = parent
    """,
    "assignments follow each other": """
        select rule, period from assignments group by 1, 2 having max(sequence) - min(sequence) + 1 <> count(*)
    """,
}
