"""Sales people, accounts and contacts."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from kit.errors import Fault
from services.pipeline.domain.contact import AccountRole, Role
from services.pipeline.domain.keys import Key
from services.pipeline.usecases.lead import CaptureLead
from tests.support.builders.pipeline import NOW, account, after, contact, lead, rep


def test_a_change_makes_a_new_version() -> None:
    changed = rep().revised({"weight": 3}, after(1))
    assert (changed.weight, changed.version, changed.update_time) == (3, 2, after(1))
    assert account().revised({"industry": "retail"}, after(1)).version == 2


@pytest.mark.parametrize(
    ("made", "field"),
    [
        (lambda: rep().revised({"display_name": " "}, NOW), "rep.display_name"),
        (lambda: account(display_name="").checked(), "account.display_name"),
        (lambda: contact(display_name="\t").checked(), "contact.display_name"),
    ],
)
def test_everything_has_a_name(made: Callable[[], object], field: str) -> None:
    with pytest.raises(Fault) as caught:
        made()
    assert caught.value.violations[0].field == field


def test_a_contact_says_each_part_once() -> None:
    part = AccountRole(uuid4(), Role.USER)
    with pytest.raises(Fault) as caught:
        contact(part, AccountRole(part.account, Role.USER, 5)).checked()
    assert caught.value.violations[0].field == "contact.account_roles"
    assert contact(part, AccountRole(part.account, Role.CHAMPION)).checked().account_roles[1].role is Role.CHAMPION


def test_a_contact_is_known_by_address_and_number() -> None:
    assert contact(email="a@b.cn", phone="+861").keys == (Key("email", "a@b.cn"), Key("phone", "+861"))
    assert contact().keys == ()


def test_joining_an_account_adds_a_part() -> None:
    here, there = AccountRole(uuid4(), Role.USER), AccountRole(uuid4())
    joined = contact(here).joined(there, NOW)
    assert joined.account_roles == (here, there)
    assert joined.version == 2


def test_joining_an_account_again_changes_nothing_unless_it_says_more() -> None:
    here = AccountRole(uuid4())
    person = contact(here)
    assert person.joined(here, NOW) is person
    decider = AccountRole(here.account, Role.DECIDER, 5)
    known = person.joined(decider, NOW)
    assert known.account_roles == (decider,)
    assert known.joined(here, NOW) is known
    assert known.joined(AccountRole(here.account, Role.USER), NOW).account_roles[1].role is Role.USER


def test_no_representation_says_who_it_is() -> None:
    known = {"display_name": "Wang Fang", "phone": "+8613800138000", "email": "fang@example.com"}
    somebody = lead(**known, company_name="Blue Door", note="call at night")
    said = (
        f"{contact(**known)} {account()} {rep()} {somebody} {somebody.keys} {CaptureLead(uuid4(), 'webform', **known)}"
    )
    for secret in ("Fang", "fang", "138", "Blue", "Han", "night"):
        assert secret not in said
