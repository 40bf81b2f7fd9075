"""Pulls without a database: their windows and pauses; what 旺店通 tells, and how its calls are signed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kit.errors import Fault
from kit.names import new_id
from kit.settings import SettingsError
from services.orders.domain.ingest import PlatformOrder
from services.orders.domain.pull import LONGEST_PAUSE, OVERLAP, REACH, Page, Pull
from services.orders.providers.platforms import pulled
from services.orders.providers.wangdiantong import reading
from services.orders.providers.wangdiantong.signing import sign
from tests.support.builders.channels import a_trade
from tests.support.builders.orders import NOW

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def read(told: dict[str, Any]) -> PlatformOrder | Fault:
    text = json.dumps({"modified": "2026-11-21 20:00:00", "version_id": 7, **told})
    return reading.order(reading.parsed(text.encode()))


def test_a_window_begins_before_what_is_known_and_reaches_less_far_after_failures() -> None:
    pull = Pull("tmall-1", NOW, 0, new_id(), NOW + 5 * HOUR)
    assert (pull.period.start, pull.period.end, pull.behind) == (NOW - OVERLAP, NOW + REACH, True)
    assert replace(pull, failures=2).period.end == NOW + REACH / 4
    assert replace(pull, failures=100).period.end == NOW + MINUTE
    caught_up = replace(pull, now=NOW + MINUTE)
    assert (caught_up.period.end, caught_up.behind) == (NOW + MINUTE, False)
    assert replace(pull, now=NOW - HOUR).period.end == NOW
    assert pull.period.end - pull.period.start <= HOUR


def test_pauses_double_to_a_limit_unless_the_platform_asks_for_more() -> None:
    pull = Pull("tmall-1", NOW, 0, new_id(), NOW)
    assert [replace(pull, failures=n).pause(None).total_seconds() for n in (0, 1, 5)] == [1, 2, 32]
    assert replace(pull, failures=50).pause(timedelta(milliseconds=200)) == LONGEST_PAUSE
    assert pull.pause(HOUR) == HOUR


def test_the_last_page_follows_from_the_total() -> None:
    assert [Page((), total, 100).last for total in (0, 1, 100, 101, 200, 201)] == [0, 0, 0, 1, 1, 2]


def test_an_order_is_read_to_the_fourth_decimal() -> None:
    order = read(a_trade("T1", units=2, line={"refund_status": 5, "refund_num": "2.0000"}))
    assert isinstance(order, PlatformOrder), order
    assert order.modify_time == datetime(2026, 11, 21, 12, 0, 0, 7, tzinfo=UTC)
    (line,) = order.lines
    assert (line.oid, line.quantity, line.price, line.amount) == ("T1-1", 2, 20_0000, 19_9950)
    assert (order.freight, order.total, order.status) == (5_0000, None, 30)
    assert [(each.number, each.lines) for each in order.refunds] == [
        ("T1-1.1", (("T1-1", 1, 0),)),
        ("T1-1.2", (("T1-1", 1, 0),)),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"detail_list": None},
        {"trade_status": "sent"},
        {"post_amount": "-1"},
        {"modified": "yesterday"},
        {"line": {"num": "1.5000"}},
        {"line": {"share_amount": 1.23456}},
    ],
)
def test_what_cannot_be_read_of_an_order_is_told_and_stops_no_other(wrong: dict[str, Any]) -> None:
    assert isinstance(read(a_trade("T1", **wrong)), Fault)


def test_a_call_is_signed_over_its_parameters_and_its_body() -> None:
    signed = sign({"v": "1.0", "sid": "a", "sign": "not signed"}, "[{}]", "s")
    assert signed == "871accd4130b750b12415afc8f112a37"  # md5 of sbody[{}]sidav1.0s
    assert signed == sign({"sid": "a", "v": "1.0"}, "[{}]", "s") != sign({"sid": "a", "v": "1.0"}, "[{}] ", "s")


def test_a_file_of_channels_that_makes_no_sense_is_refused(tmp_path: Any) -> None:
    secret, file = tmp_path / "secret", tmp_path / "channels.json"
    secret.write_text("s:salt\n")
    (half := tmp_path / "half").write_text("s")
    channel = {
        "platform": "WANGDIANTONG",
        "url": "https://wdt.wangdian.cn",
        "sid": "a",
        "key": "b",
        "secret_file": str(secret),
        "shop": "S1",
        "since": "2026-01-01T00:00:00+08:00",
    }
    assert pulled("", timeout=1) == {}
    file.write_text(json.dumps({"tmall-1": channel}))
    assert list(pulled(str(file), timeout=1)) == ["tmall-1"]
    for wrong in ({"platform": "OTHER"}, {"since": "2026-01-01T00:00:00"}, {"secret_file": str(half)}, {"more": 1}):
        file.write_text(json.dumps({"tmall-1": {**channel, **wrong}}))
        with pytest.raises(SettingsError):
            pulled(str(file), timeout=1)
