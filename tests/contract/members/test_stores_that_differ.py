"""The worked example of docs/loyalty.md: stores that override the house's rate and rules, and inherit the rest."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from google.protobuf import json_format
from kehu.members.v1 import members_pb2

from kit.errors import Fault
from kit.money import Money
from services.members.api import earn_rule
from services.members.domain.audit import Author
from services.members.domain.rule import Caps, Rate, Rule
from services.members.usecases import programme, purchase, purchase_view, recalculation, tier
from services.members.usecases.dry_run import DryRun, dry_run
from services.members.usecases.programme import UpdateProgramme
from services.members.usecases.recalculation import StartRecalculation
from tests.contract.members.conftest import World
from tests.contract.members.earnings import TEA, bought, change, refunded
from tests.support.builders.members import NOW, dollars
from tests.support.builders.rules import line, times
from tests.support.builders.tiers import override_of

GUIDE = Path(__file__).parents[3] / "docs" / "loyalty.md"
DAY = timedelta(days=1)
ADA = Author("ada", "kehu.members.v1.ProgrammesService/UpdateProgramme")
STORES = {"north": 40, "east-1": 60, "east-2": 60, "east-3": 100, "outlet": 10, "warehouse": 0, "flagship": 50}


def part_of(store: str) -> str:
    """Where the guide's stores are."""
    return f"/cn/east/{store}" if store.startswith("east") else "/cn/north"


def example() -> dict[str, Any]:
    """What the guide tells merchants to send."""
    section = GUIDE.read_text().split("### Stores that differ")[1]
    body = re.search(r"updateMask=earn,rules\" '(\{.*?\})'\n", section, re.DOTALL)
    assert body
    wire = json_format.Parse(body[1], members_pb2.Programme())
    return {
        "earn": Rate(wire.earn.points, Money(wire.earn.amount.units * 100, "USD")),
        "rules": tuple(earn_rule.rule(each, index) for index, each in enumerate(wire.rules)),
    }


def gold(world: World) -> UUID:
    (of,) = world.enrolled()
    world.do(tier.override, override_of(of, "gold", NOW.replace(year=NOW.year + 1)))
    world.clock.move(timedelta(days=1))
    return of


def verdicts(world: World, of: UUID, order: UUID) -> dict[str, tuple[str, int]]:
    _, earning = world.do(purchase_view.earning, of, order, "default")
    return {grant.rule: (grant.verdict.value, grant.points) for grant in earning.grants}


@pytest.mark.parametrize(("store", "points"), STORES.items())
def test_each_store_earns_what_the_guide_says_and_a_refund_takes_it_back(world: World, store: str, points: int) -> None:
    change(world, **example())
    of = gold(world)
    paid = bought(of, line(6_00), line(4_00), store=f"stores/{store}", org=part_of(store), pay_time=world.clock.now)
    world.do(purchase.settle, [paid])
    assert world.wallet(of) == (points, 0, 0)
    own = store in {"east-1", "east-2", "east-3", "outlet", "warehouse"}
    assert verdicts(world, of, paid.order)["base"] == (("REPLACED", 0) if own else ("APPLIED", 20))
    for version, nets in ((3, (1_00, 4_00)), (4, (1_00, 0)), (5, (0, 0))):
        world.do(purchase.settle, [refunded(paid, version, *nets)])
    assert world.wallet(of) == (0, 0, 0)


def test_what_a_store_does_not_say_follows_the_house(world: World) -> None:
    change(world, **example())
    of = gold(world)
    rules = [times(30_000, id="gold", condition="member.tier == 'gold'") if each.id == "gold" else each
             for each in example()["rules"]]  # fmt: skip
    change(world, rules=tuple(rules))
    world.do(
        purchase.settle, [bought(of, line(10_00), store="stores/east-1", org="/cn/east", pay_time=world.clock.now)]
    )
    assert world.wallet(of) == (90, 0, 0)


def test_the_first_rate_that_applies_counts_and_the_next_says_why_not(world: World) -> None:
    first, second = (
        Rule(name, rate=Rate(points, dollars(1)), replaces=True, condition="order.store != ''")
        for name, points in (("first", 3), ("second", 9))
    )
    change(world, rules=(first, second))
    (of,) = world.enrolled()
    paid = bought(of, line(10_00), store="stores/1")
    world.do(purchase.settle, [paid])
    assert verdicts(world, of, paid.order) == {
        "base": ("REPLACED", 0),
        "first": ("APPLIED", 30),
        "second": ("EXCLUDED", 0),
    }


def test_an_override_of_a_store_is_in_the_trail_with_what_was_before(world: World) -> None:
    change(world, expiry_notice_days=9, rules=(times(20_000, id="old", condition="order.store == 'stores/1'"),))
    world.do(programme.update, UpdateProgramme(example(), author=ADA))
    ((actor, before, after),) = world.rows("select actor, before, after from audit_entries where actor = 'ada'")
    was, is_ = json.loads(before), json.loads(after)
    assert (actor, was["version"], is_["version"]) == ("ada", 2, 3)
    assert {name for name in is_ if is_[name] != was[name]} == {"earn", "rules", "version"}
    assert [(rule["id"], rule["condition"], rule["multiplier"]) for rule in was["rules"]] == [
        ("old", "order.store == 'stores/1'", 20_000)
    ]
    outlet = next(rule for rule in is_["rules"] if rule["id"] == "outlet")
    assert (outlet["place"], outlet["rate"]["points"]) == ("stores/outlet", 1)
    assert was["earn"] == {"points": 1, "amount": {"minor": 100, "currency": "USD"}}


def test_a_part_is_kept_as_it_was_when_the_order_was_first_heard_of(world: World) -> None:
    (of,) = world.enrolled()
    paid = bought(of, line(10_00), store="stores/east-1", org="/cn/east", pay_time=world.clock.now)
    world.do(purchase.settle, [paid])
    change(world, **example())
    draft = {"rules": tuple(example()["rules"])}
    tried = world.do(dry_run, DryRun("default", draft, None, None, ((of, paid.order),), 1))
    assert (tried.points, tried.points + tried.change) == (10, 30)
    job = world.do(recalculation.start, StartRecalculation(uuid4(), "default", NOW - DAY, world.clock.now + DAY, ADA))
    while world.do(recalculation.get, job.id).running:
        world.do(recalculation.advance)
    assert world.wallet(of) == (30, 0, 0)
    moved = replace(paid.basket, org="/cn/west") if paid.basket else None
    world.do(purchase.settle, [refunded(paid, 3, 4_00, basket=moved)])
    assert world.wallet(of) == (12, 0, 0)


def test_a_programme_that_is_made_is_in_the_trail_with_its_rules(world: World) -> None:
    tea = replace(world.do(programme.get), id="tea", rules=(times(30_000, id="triple"),), tiers=(), growth=None)
    world.do(partial(programme.create, author=ADA), tea)
    ((reason, before, after),) = world.rows("select reason, before, after from audit_entries where actor = 'ada'")
    made = json.loads(after)
    assert (reason, before, made["version"]) == ("created", "{}", 1)
    assert [rule["multiplier"] for rule in made["rules"]] == [30_000]


@pytest.mark.parametrize(
    "fields",
    [
        {"rate": None, "bonus": 5},
        {"rate": None, "multiplier": 20_000},
        {"scope": TEA},
        {"minimum": dollars(5)},
        {"caps": Caps(day=9)},
        {"replaces": False, "rate": Rate(0, dollars(1))},
    ],
)
def test_a_rate_that_can_not_stand_in_for_the_programmes_is_refused(world: World, fields: dict[str, Any]) -> None:
    rule = replace(Rule("store", rate=Rate(1, dollars(1)), replaces=True), **fields)
    with pytest.raises(Fault) as refusal:
        change(world, rules=(rule,))
    assert refusal.value.reason == "PROGRAMME_INVALID"


def test_the_house_itself_always_gives_something(world: World) -> None:
    for name in ("earn", "growth"):
        nothing: dict[str, Any] = {name: Rate(0, dollars(1))}
        with pytest.raises(Fault) as refusal:
            change(world, **nothing)
        assert [each.field for each in refusal.value.violations] == [f"programme.{name}.points"]


def test_an_unknown_order_of_a_store_is_judged_by_the_rule_it_was_first_heard_of_by(world: World) -> None:
    (of,) = world.enrolled()
    paid = bought(of, line(10_00), store="stores/outlet")
    world.do(purchase.settle, [paid])
    change(world, **example())
    world.do(purchase.settle, [refunded(paid, 3, 5_00)])
    assert world.wallet(of) == (5, 0, 0)
