"""What may be asked of the funnel."""

from __future__ import annotations

import pytest

from kit.errors import Fault
from services.pipeline.domain.funnel import FunnelStage, Window
from tests.support.builders.pipeline import NOW, after


def test_an_open_window_reaches_from_the_beginning_until_now() -> None:
    assert Window.of(None, None, None, now=NOW) == Window(None, NOW, NOW)


def test_the_future_is_not_known() -> None:
    assert Window.of(None, None, after(60), now=NOW).as_of == NOW
    assert Window.of(NOW, after(60), None, now=NOW) == Window(NOW, after(60), NOW)


def test_an_earlier_instant_can_be_asked_again() -> None:
    assert Window.of(None, None, after(1), now=after(9)) == Window(None, after(1), after(1))


def test_a_window_does_not_end_before_it_begins() -> None:
    with pytest.raises(Fault) as caught:
        Window.of(after(2), after(1), None, now=after(9))
    assert caught.value.violations[0].field == "start_time"


def test_conversion_is_a_share() -> None:
    assert FunnelStage("QUALIFY", 4, 1, None, 0, ()).conversion == 0.25
    assert FunnelStage("QUALIFY", 0, 0, None, 0, ()).conversion == 0.0
