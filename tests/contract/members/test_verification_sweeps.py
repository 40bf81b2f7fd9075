"""The sweeps that look for differences by the clock, and what they tell."""

from __future__ import annotations

from datetime import timedelta

from prometheus_client import REGISTRY

from services.members import consumer
from services.members.domain.verification import Kind
from services.members.usecases import (
    verification,
)
from tests.contract.members.conftest import World
from tests.contract.members.test_verification import FORGERIES, busy_of, forge


def test_the_ledger_is_swept_once_an_hour(unchecked: World) -> None:
    world = unchecked
    member = busy_of(world)
    assert world.do(verification.sweep_ledger)[0].differences["balance"] == 0
    forge(world, FORGERIES["a balance"][0], member=member)
    world.clock.move(timedelta(minutes=59))
    assert world.do(verification.sweep_ledger)[0].differences["balance"] == 0
    world.clock.move(timedelta(minutes=1))
    newest, differences = world.do(verification.sweep_ledger)
    assert (newest.differences["balance"], len(differences)) == (1, 2)
    assert world.do(verification.sweep_ledger) == (newest, [])


def test_the_tiers_are_swept_round_by_round(unchecked: World) -> None:
    world = unchecked
    member = busy_of(world)
    forge(world, FORGERIES["a tier"][0], member=member)
    assert world.do(verification.sweep_tiers)[0].differences == {"tier": 1, "tier_before": 0}
    assert world.do(verification.sweep_tiers)[0].differences == {"tier": 1, "tier_before": 1}
    forge(world, "update tier_changes set to_tier = 'silver' where member = :member and upgrade", member=member)
    world.do(verification.sweep_tiers)
    assert world.do(verification.sweep_tiers)[0].differences == {"tier": 0, "tier_before": 0}


def test_what_the_sweeps_find_shows_in_the_metrics(unchecked: World) -> None:
    def shown(check: str) -> float | None:
        return REGISTRY.get_sample_value("ledger_differences", {"check": check})

    world = unchecked
    member = busy_of(world)
    for _ in range(2):
        world.do(consumer.verify_ledger)
        world.do(consumer.verify_tiers)
    assert {shown(kind) for kind in Kind} == {0}
    assert REGISTRY.get_sample_value("ledger_verified_timestamp_seconds") == world.clock.now.timestamp()
    forge(world, FORGERIES["a hold"][0], FORGERIES["a tier"][0], member=member)
    world.clock.move(timedelta(hours=1))
    world.do(consumer.verify_ledger)
    world.do(consumer.verify_tiers)
    assert (shown("hold"), shown("tier"), shown("balance")) == (1, 1, 0)
