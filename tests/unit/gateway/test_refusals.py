"""Envoy's own refusals: their reasons are the API's, their words fit into a header."""

import pytest
from kehu.errors.v1.errors_pb2 import ErrorReason

from gateway.refusals import REFUSALS, Refusal


@pytest.mark.parametrize("refusal", REFUSALS)
def test_the_reason_is_one_of_the_api(refusal: Refusal) -> None:
    assert f"ERROR_REASON_{refusal.reason}" in ErrorReason.keys()  # noqa: SIM118 - an enum wrapper is no dict


@pytest.mark.parametrize("refusal", REFUSALS)
def test_the_words_need_no_escape_in_a_header(refusal: Refusal) -> None:
    assert refusal.message.isascii()
    assert "%" not in refusal.message


@pytest.mark.parametrize("refusal", REFUSALS)
def test_only_what_may_pass_by_itself_is_to_be_tried_again(refusal: Refusal) -> None:
    assert bool(refusal.retry_seconds) == (refusal.reason in {"OVERLOADED", "UNAVAILABLE"})


def test_a_special_case_stands_before_the_general_one() -> None:
    general: set[int] = set()
    for refusal in REFUSALS:
        assert refusal.http not in general, refusal
        if not refusal.flag and not refusal.detail:
            general.add(refusal.http)
