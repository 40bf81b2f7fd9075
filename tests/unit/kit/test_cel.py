"""Conditions: what is accepted always answers, and what is not says where and why."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kit.cel import BOOL, INT, MAX_LENGTH, STRING, Context, Language, List, Mistake, Record, Type

LINE = Record({"category": STRING, "amount": INT})
VARIABLES: dict[str, Type] = {
    "order": Record({"channel": STRING, "net": INT, "lines": List(LINE), "codes": List(INT)}),
    "member": Record({"tier": STRING, "tags": List(STRING), "new": BOOL}),
}
LANGUAGE = Language(VARIABLES)
VALUES: dict[str, Any] = {
    "order": {
        "channel": "pos",
        "net": 12_000,
        "lines": [{"category": "tea", "amount": 5_000}, {"category": "cake", "amount": 7_000}],
        "codes": [],
    },
    "member": {"tier": "gold", "tags": ["vip", "会员"], "new": False},
}


@pytest.mark.parametrize(
    ("condition", "truth"),
    [
        ("true", True),
        ("order.net >= 12000", True),
        ("order.net - 1 >= 12000", False),
        ("order.net % 7 == 2", True),
        ("-order.net < 0 && !member.new", True),
        ("member.tier in ['gold', 'platinum']", True),
        ('"vip" in member.tags && "会员" in member.tags', True),
        ('order.lines.exists(l, l.category == "tea" && l.amount > 4999)', True),
        ('order.lines.all(l, l.category == "tea")', False),
        ("order.codes.all(code, code == 1)", True),
        ("size(order.lines) == 2 && member.tags.size() == 2", True),
        ('order.channel.startsWith("p") && order.channel.endsWith("s") && order.channel.contains("o")', True),
        ('member.tier < "h" || member.new', True),
        ("(member.new == false) != member.new", True),
        ("member.new || order.net == 1 || order.channel == 'pos' && true", True),
    ],
)
def test_a_condition_answers_true_or_false(condition: str, truth: bool) -> None:
    assert LANGUAGE.compile(condition).holds(Context(VALUES)) is truth


@pytest.mark.parametrize(
    ("text", "position", "why"),
    [
        ("", 1, "missing"),
        ("order.net", 1, "must be bool"),
        ("order.nett > 1", 7, "channel, codes, lines, net"),
        ("orders.net > 1", 1, "member, order"),
        ('order.net > "1"', 11, "not int and string"),
        ("order.net > 1.5", 13, "can't stand here"),
        ("order.net > 0x1F", 13, "can't stand here"),
        ("order.net > 1u", 13, "can't stand here"),
        ("order.net > 1234567890123456", 13, "can't stand here"),
        ("order.net * 2 > 1", 11, "can't stand here"),
        ("order.net % 0 == 1", 13, "above 0"),
        ("order.net % order.net == 1", 13, "above 0"),
        ("order.lines == order.lines", 13, "needs two"),
        ("member.new < true", 12, "needs two of int or string"),
        ("order.net in member.tags", 11, "not int and list of string"),
        ("!order.net == 1", 2, "must be bool"),
        ("!!member.new", 2, "can't stand here"),
        ("order.lines.exists(l, order.lines.exists(m, m == l))", 42, "nested"),
        ("order.lines.exists(order, true)", 20, "new name"),
        ("order.lines.exists(in, true)", 20, "new name"),
        ("order.lines.map(l, true)", 13, "has no map()"),
        ("order.lines[0].amount > 1", 12, "can't stand here"),
        ('order.channel.matches("(a+)+")', 15, "has no matches()"),
        ("member.new ? true : false", 12, "can't stand here"),
        ("[] == []", 2, "can't stand here"),
        ("1 in [1, 'a']", 10, "must be int"),
        ("order.net > 1 order.net", 15, "can't stand here"),
        ("(order.net > 1", 15, ") is missing"),
        ("order.channel == 'a\\n'", 18, "can't stand here"),
        ("order.channel.size > 1", 15, "string has no fields"),
        ("order. == 1", 8, "a name is missing"),
        ("size(1) == 1", 1, "size needs"),
        ("(" * 30 + "true" + ")" * 30, 21, "deeper than 20"),
        ("true" + " " * MAX_LENGTH, MAX_LENGTH + 1, "at most 1000"),
    ],
)
def test_a_text_that_is_no_condition_is_refused_where_it_goes_wrong(text: str, position: int, why: str) -> None:
    with pytest.raises(Mistake) as refusal:
        LANGUAGE.check(text)
    assert (refusal.value.position, why in refusal.value.message) == (position, True), refusal.value.message


def refusal(text: str) -> Mistake | None:
    """Why the text is no condition."""
    try:
        LANGUAGE.check(text)
    except Mistake as mistake:
        return mistake
    return None


numbers: st.SearchStrategy[str] = st.deferred(
    lambda: (
        st.integers(0, 10**15 - 1).map(str)
        | st.sampled_from(["order.net", "size(member.tags)", "order.lines.size()"])
        | st.tuples(numbers, st.sampled_from(["+", "-"]), numbers).map(" ".join)
        | st.tuples(numbers, st.integers(1, 99)).map(lambda parts: f"({parts[0]}) % {parts[1]}")
    )
)
texts = st.sampled_from(["order.channel", "member.tier", "'pos'", '"gold"', "''"])
conditions: st.SearchStrategy[str] = st.deferred(
    lambda: (
        st.sampled_from(["true", "member.new", "order.lines.exists(l, l.amount > 9)", "'vip' in member.tags"])
        | st.tuples(numbers, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), numbers).map(" ".join)
        | st.tuples(texts, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), texts).map(" ".join)
        | st.tuples(conditions, st.sampled_from(["&&", "||"]), conditions).map(" ".join)
        | conditions.map(lambda inner: f"!({inner})")
        | st.tuples(texts, st.sampled_from(["contains", "startsWith"]), texts).map(lambda p: f"{p[0]}.{p[1]}({p[2]})")
    )
)
amounts = st.integers(-(10**15), 10**15)


@given(conditions, amounts, st.lists(st.fixed_dictionaries({"category": st.text(), "amount": amounts})), st.text())
@settings(max_examples=300)
def test_what_passes_the_check_always_answers(condition: str, net: int, lines: list[Any], tier: str) -> None:
    assume(refusal(condition) is None)
    values = {
        "order": {**VALUES["order"], "net": net, "lines": lines},
        "member": {**VALUES["member"], "tier": tier},
    }
    assert LANGUAGE.compile(condition).holds(Context(values)) in (True, False)


@given(st.text(max_size=60))
@settings(max_examples=300)
def test_any_text_is_either_a_condition_or_refused(text: str) -> None:
    mistake = refusal(text)
    assert mistake is None or 1 <= mistake.position <= len(text) + 1


def test_the_longest_condition_over_the_longest_order_is_done_in_milliseconds() -> None:
    condition = " || ".join(["order.lines.exists(l, l.amount < 0)"] * 25)
    lines = [{"category": "tea", "amount": 1}] * 1_000
    context = Context({**VALUES, "order": {**VALUES["order"], "lines": lines}})
    compiled = LANGUAGE.compile(condition)
    start = time.perf_counter()
    assert not compiled.holds(context)
    assert time.perf_counter() - start < 1
