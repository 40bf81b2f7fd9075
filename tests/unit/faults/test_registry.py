"""The list of faults, and the page that is made from their results."""

from __future__ import annotations

from faults import page
from faults.registry import FAULTS


def test_every_fault_has_a_name_of_its_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_ten_of_them_are_quick() -> None:
    assert sum(fault.quick for fault in FAULTS) == 10


def test_chaos_only_chooses_what_needs_nothing_of_its_own() -> None:
    assert all(fault.setting is None and fault.small_disks == 0 and fault.lengths for fault in FAULTS if fault.chaos)


def test_the_page_is_fresh() -> None:
    assert page.PAGE.read_text() == page.written(page.PAGE.read_text())
