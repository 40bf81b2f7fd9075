"""`kehu verify members` on a real database: what it says, and its exit status."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from cli.main import build
from services.members.usecases import hold, points, purchase
from tests.contract.members.conftest import World
from tests.support.builders.members import settlement


@pytest.fixture
def world(migrated: Callable[[str], str]) -> Iterator[World]:
    """A few members to whom something has happened."""
    world = World(migrated("members"))
    for member in world.enrolled(5, available=10):
        world.do(purchase.settle, [settlement(member, net=120)])
        world.do(hold.change, [hold.PlaceHold(uuid4(), member, 30, "orders/2", timedelta(days=1))])
        world.do(points.spend, [points.Spend(member, 20, "rewards/1")])
    yield world
    world.database.close()


def verify(world: World, *options: str) -> Result:
    return CliRunner().invoke(build("verify"), ["verify", "members", "--database-url", world.url, *options])


def forge(world: World, statement: str) -> UUID:
    """Change what nobody may; answers whose it was."""

    def run(unit: object) -> UUID:
        unit.connection.execute(text("set local session_replication_role = replica"))  # type: ignore[attr-defined]
        return UUID(str(unit.connection.scalar(text(statement))))  # type: ignore[attr-defined]

    member: UUID = world.do(run)
    return member


def test_a_database_in_which_nothing_differs(world: World) -> None:
    result = verify(world, "--workers", "2")
    assert result.exit_code == 0, result.output
    assert "nothing differs" in result.output
    assert "the tiers of 5 members" in result.output


def test_differences_are_listed(world: World) -> None:
    lot = forge(
        world,
        """update ledger_lots set available = available + 1
           where id = (select id from ledger_lots where available > 0 limit 1) returning owner""",
    )
    tier = forge(
        world,
        """update tier_changes set to_tier = 'gold' where upgrade and member = (select max(member::text)::uuid
           from tier_changes) returning member""",
    )
    result = verify(world, "--workers", "3")
    assert result.exit_code == 1, result.output
    assert "2 differences" in result.output
    assert f"differs: lot of members/{lot}/lots/" in result.output
    assert f"differs: tier of members/{tier}/tier" in result.output


def test_the_ledger_can_be_verified_without_the_tiers(world: World) -> None:
    result = verify(world, "--no-tiers", "--workers", "1")
    assert result.exit_code == 0, result.output
    assert "tiers" not in result.output
