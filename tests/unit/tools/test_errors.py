"""The page of all reasons for a refusal."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import errors
from tools.openapi.model import Enum, Model, Value
from tools.openapi.reading import read
from tools.raised import raised

CODE = """
def missing(name):
    return Fault(Kind.NOT_FOUND, "THING_NOT_FOUND", f"{name} does not exist")

def too_many(count):
    return _refuse("TOO_MANY", count)

def too_late(order):
    return precondition("TOO_LATE", f"{order} is over", order=order)

def _refuse(reason, count):
    return errors.Fault(Kind.FAILED_PRECONDITION, reason, f"{count} LOUD")
"""


def test_reasons_are_read_from_the_code_with_their_kinds(tmp_path: Path) -> None:
    (tmp_path / "errors.py").write_text(CODE)

    assert raised(tmp_path) == {
        "THING_NOT_FOUND": {"NOT_FOUND"},
        "TOO_MANY": {"FAILED_PRECONDITION"},
        "TOO_LATE": {"FAILED_PRECONDITION"},
    }


@pytest.fixture(scope="module")
def page() -> str:
    return errors.page(read())


def row(page: str, reason: str) -> list[str]:
    found = next(line for line in page.splitlines() if line.startswith(f"| `{reason}` |"))
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_a_reason_stands_with_its_statuses_its_meaning_and_what_to_do(page: str) -> None:
    _, grpc, http, meaning, remedy = row(page, "ETAG_MISMATCH")

    assert (grpc, http) == ("`ABORTED`", "409")
    assert meaning.startswith("The resource changed")
    assert remedy == "Read it again."


def test_what_only_the_gateway_refuses_stands_with_its_own_http_status(page: str) -> None:
    assert row(page, "METHOD_UNKNOWN")[1:3] == ["`UNIMPLEMENTED`", "404"]
    assert row(page, "REQUEST_TOO_LARGE")[1:3] == ["`RESOURCE_EXHAUSTED`", "413"]


def test_every_reason_of_every_enum_is_there(page: str) -> None:
    enums = [enum for name, enum in read().enums.items() if name.endswith(".ErrorReason")]

    reasons = [value.name.removeprefix("ERROR_REASON_") for enum in enums for value in enum.values[1:]]
    assert len(enums) == 5
    assert [reason for reason in reasons if f"| `{reason}` |" not in page] == []


def test_a_reason_that_the_code_gives_and_no_enum_has_is_an_error() -> None:
    common = Enum(errors.COMMON, "", (Value("ERROR_REASON_UNSPECIFIED", ""),))

    with pytest.raises(SystemExit, match=r"no ErrorReason has: .*CONFLICT"):
        errors.page(Model(enums={errors.COMMON: common}))


def test_every_service_has_one_table(page: str) -> None:
    headings = [line for line in page.splitlines() if line.startswith("## ")]
    assert len(headings) == len(set(headings)) == 5
