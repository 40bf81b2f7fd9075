"""Retries of calls to other services are limited by a budget."""

from __future__ import annotations

from kit.rpc.budget import Budget


def test_failures_by_chance_are_all_repeated() -> None:
    budget = Budget()
    repeated = 0
    for call in range(1_000):
        budget.earn()
        repeated += call % 20 == 0 and budget.spend()
    assert repeated == 50


def test_where_every_call_fails_there_are_hardly_more_attempts_than_calls() -> None:
    budget = Budget()
    attempts = 0
    for _ in range(1_000):
        budget.earn()
        attempts += 1
        while budget.spend():
            attempts += 1
    assert 1_000 <= attempts <= 1_200


def test_the_budget_comes_back_when_calls_succeed_again() -> None:
    budget = Budget()
    while budget.spend():
        pass
    for _ in range(11):
        budget.earn()
    assert budget.spend()
    assert not budget.spend()
