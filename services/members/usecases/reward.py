"""Rewards: create, read, change, put on sale and take off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from kit import names
from kit.errors import etag_mismatch
from kit.page import Page
from services.members.domain.audit import NOBODY, Author, settings_act
from services.members.domain.errors import mall as errors
from services.members.domain.reward import Kind, Offer, Reward, State
from services.members.usecases import programme as programmes
from services.members.usecases.mall_ports import MallUnit


@dataclass(frozen=True, slots=True)
class CreateReward:
    """A new reward; `reward` is the id that it gets."""

    reward: UUID
    kind: Kind
    offer: Offer
    author: Author = NOBODY


@dataclass(frozen=True, slots=True)
class UpdateReward:
    """New values by the names of the offer's fields. `version` is the one they were made for, None for any."""

    reward: UUID
    values: Mapping[str, Any]
    version: int | None = None
    author: Author = NOBODY


@dataclass(frozen=True, slots=True)
class TurnReward:
    """Put a reward on sale or off. `version` is the one that the caller saw, None for any."""

    reward: UUID
    state: State
    version: int | None = None
    author: Author = NOBODY


def create(unit: MallUnit, command: CreateReward) -> Reward:
    """Create a reward as a draft. Raises a Fault when its offer makes no sense, or there is no such programme."""
    command.offer.check(_tiers(unit))
    programmes.get(unit, command.offer.programme)
    reward = Reward(command.reward, command.kind, command.offer, unit.now, unit.now)
    unit.rewards.add(reward)
    unit.audit.record(settings_act(command.author, names.join("rewards", reward.id), None, reward))
    return reward


def get(unit: MallUnit, reward: UUID) -> Reward:
    """A reward. Raises a Fault when there is none."""
    found = unit.rewards.find(reward)
    if found is None:
        raise errors.reward_not_found(reward)
    return found


def page(unit: MallUnit, page: Page, state: State | None) -> list[Reward]:
    """A page of rewards, the newest first."""
    return unit.rewards.page(page, state)


def update(unit: MallUnit, command: UpdateReward) -> Reward:
    """Change an offer. Raises a Fault when there is no such reward or programme, it has changed, or the offer makes no
    sense."""
    before = _locked(unit, command.reward, command.version)
    offer = replace(before.offer, **command.values)
    if offer.programme != before.offer.programme:
        programmes.get(unit, offer.programme)
    changed = before.changed(offer, _tiers(unit), unit.now)
    return _kept(unit, command.author, before, changed)


def turn(unit: MallUnit, command: TurnReward) -> Reward:
    """Put a reward on sale or off. Raises a Fault when there is none, or it has changed."""
    before = _locked(unit, command.reward, command.version)
    return _kept(unit, command.author, before, before.turned(command.state, unit.now))


def _locked(unit: MallUnit, reward: UUID, version: int | None) -> Reward:
    found = unit.rewards.lock([reward]).get(reward)
    if found is None:
        raise errors.reward_not_found(reward)
    if version not in (None, found.version):
        raise etag_mismatch(names.join("rewards", reward))
    return found


def _kept(unit: MallUnit, author: Author, before: Reward, after: Reward) -> Reward:
    if after is not before:
        unit.rewards.save(after)
        unit.audit.record(settings_act(author, names.join("rewards", after.id), before, after))
    return after


def _tiers(unit: MallUnit) -> list[str]:
    return [tier.id for tier in unit.programmes.current().tiers]
