"""The demo's live scenes, in the suite that the other end-to-end tests use too."""

from __future__ import annotations

from types import ModuleType

import pytest

from cli.demo import deal, race, shop
from cli.demo.scene import Check, Scene
from deploy.local.suite import Running


@pytest.mark.parametrize("scene", [shop, race, deal], ids=["a customer's day", "the race for stock", "a B2B deal"])
def test_every_step_of_a_scene_goes_as_it_should(suite: Running, scene: ModuleType) -> None:
    seen: list[Check] = []
    scene.play(Scene(suite.gateway.removeprefix("http://"), suite.token("admin"), tell=seen.append))
    assert len(seen) > 3
    assert [check for check in seen if not check.holds] == []
