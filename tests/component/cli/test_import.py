"""An import against real gRPC: idempotent, resumable, patient, and every row accounted for."""

from __future__ import annotations

import asyncio
import csv
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from cli.demo.history import cdnow_file
from cli.importing import mapping
from cli.importing.gateway import Gateway
from cli.importing.pacing import Pace, Rate
from cli.importing.problem import Exit, ImportProblem
from cli.importing.progress import Silent
from cli.importing.run import Done, Job, run_import
from tests.component.cli.services import TOKEN, Services, serving
from tests.support.rabbitmq import free_ports
from tests.support.waiting import until_async
from tests.unit.cli.reading_of import mapping_of

HEADER = "order,customer,date,sku,qty,price\n"
ROWS = HEADER + "".join(f"{n},c{n % 40},2024-05-01,s{n},1,2.50\n" for n in range(300)) + "x,c,never,s,1,1\n"
PACE = Pace(members=10, orders=20, in_flight=3)


@pytest.fixture
def services() -> Services:
    """The services that the test looks into."""
    return Services()


@pytest.fixture
async def address(services: Services) -> AsyncIterator[str]:
    """Where they are served."""
    async with serving(services) as address:
        yield address


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """The import of 300 orders of 40 customers, and one row that is none."""
    file = tmp_path / "orders.csv"
    file.write_text(ROWS)
    return Job(file, mapping_of(), tmp_path / "state", pace=PACE)


async def run(job: Job, address: str, *, token: str = TOKEN, patience: float = 5.0) -> Done:
    async with Gateway(address, token, patience=patience) as gateway:
        return await run_import(job, gateway, Silent())


def rejected(job: Job) -> list[dict[str, str]]:
    with (job.folder / "rejected.csv").open(newline="") as file:
        return list(csv.DictReader(file))


async def test_members_come_first_and_orders_carry_their_names(services: Services, address: str, job: Job) -> None:
    done = await run(job, address)
    assert (done.account.members.created, done.account.orders.created) == (40, 300)
    assert (done.account.rows, done.account.accepted, done.account.rejected.count) == (301, 300, 1)
    order = services.orders["test", "41"]
    assert order.member == services.names["test", "c1"]
    assert (order.lines[0].amount.units, order.lines[0].amount.nanos) == (2, 500_000_000)
    assert services.members["test", "c1"].enroll_time == order.order_time
    assert services.calls == {"BatchEnroll": 4, "ImportOrders": 15}
    assert services.most_under_way <= 3


async def test_a_second_run_changes_nothing(services: Services, address: str, job: Job) -> None:
    await run(job, address)
    done = await run(job, address)
    assert (done.account.members.created, done.account.members.unchanged) == (0, 40)
    assert (done.account.orders.created, done.account.orders.unchanged) == (0, 300)
    assert done.account.amounts == {"USD": 75_000}
    assert not done.resumed


async def test_all_of_cdnow_goes_in_once(services: Services, address: str, tmp_path: Path) -> None:
    job = Job(cdnow_file(), mapping.load("cdnow"), tmp_path)
    services.lose_answers = 3
    done = await run(job, address)
    assert len(services.orders) == done.account.orders.total == 69_659
    assert len(services.members) == 23_570
    assert done.account.items == 167_881
    assert done.account.amounts == {"USD": 250_031_563}
    assert not (tmp_path / "rejected.csv").exists()


async def test_a_killed_import_goes_on_where_it_stopped(services: Services, address: str, job: Job) -> None:
    services.stop_after = 7
    with pytest.raises(ImportProblem) as caught:
        await run(job, address, patience=0)
    assert caught.value.exit_status is Exit.INCOMPLETE
    assert 0 < len(services.orders) < 300
    arrived = services.calls["ImportOrders"]

    services.stop_after = None
    done = await run(job, address)
    assert done.resumed
    assert len(services.orders) == 300
    assert done.account.orders.created + done.account.orders.unchanged == 300
    assert services.calls["ImportOrders"] - arrived <= 15 - 7 + 1 + PACE.in_flight
    assert done.account.amounts == {"USD": 75_000}
    assert not (job.folder / "state.jsonl").exists()


async def test_a_torn_state_file_costs_one_batch(services: Services, address: str, job: Job) -> None:
    services.stop_after = 7
    with pytest.raises(ImportProblem):
        await run(job, address, patience=0)
    state = job.folder / "state.jsonl"
    state.write_bytes(state.read_bytes()[:-20])
    services.stop_after = None
    assert (await run(job, address)).account.orders.total == 300
    assert len(services.orders) == 300


async def test_services_that_were_set_up_anew_get_everything_again(services: Services, job: Job) -> None:
    port = free_ports(1)[0]
    services.stop_after = 7
    async with serving(services, port) as address:
        with pytest.raises(ImportProblem):
            await run(job, address, patience=0)
    async with serving(others := Services(), port) as address:
        done = await run(job, address)
    assert len(others.orders) == done.account.orders.created == 300
    assert done.account.rejected.count == 1


async def test_another_file_or_mapping_does_not_go_on_from_this_one(services: Services, address: str, job: Job) -> None:
    services.stop_after = 7
    with pytest.raises(ImportProblem):
        await run(job, address, patience=0)
    services.stop_after = None
    job.file.write_text(ROWS.replace("2.50", "2.75"))
    done = await run(job, address)
    assert not done.resumed
    assert done.account.orders.updated > 0
    assert done.account.amounts == {"USD": 82_500}


@pytest.mark.parametrize("code", ["UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "INTERNAL"])
async def test_what_passes_is_waited_for(services: Services, address: str, job: Job, code: str) -> None:
    services.failures = [grpc.StatusCode[code]] * 3
    assert (await run(job, address)).account.orders.created == 300


async def test_a_gateway_that_comes_back_finds_the_import_waiting(services: Services, job: Job) -> None:
    port = free_ports(1)[0]
    async with asyncio.TaskGroup() as group:
        running = group.create_task(run(job, f"http://127.0.0.1:{port}", patience=30))
        async with serving(services, port):
            await until_async(lambda: len(services.orders) > 100)
        async with serving(services, port):
            await running
    assert len(services.orders) == running.result().account.orders.total == 300


async def test_nobody_there_ends_with_incomplete(job: Job) -> None:
    with pytest.raises(ImportProblem) as caught:
        await run(job, f"127.0.0.1:{free_ports(1)[0]}", patience=0.2)
    assert caught.value.exit_status is Exit.INCOMPLETE
    assert "goes on from here" in str(caught.value)


async def test_a_bad_token_ends_at_once(services: Services, address: str, job: Job) -> None:
    with pytest.raises(ImportProblem) as caught:
        await run(job, address, token="bad")
    assert caught.value.exit_status is Exit.REFUSED
    assert not services.members


async def test_a_row_that_spoils_its_batch_is_found_and_rejected_alone(
    services: Services, address: str, job: Job
) -> None:
    services.poison = lambda row: "poison" if row.external_id in {"77", "c7"} else ""
    done = await run(job, address)
    assert len(services.members) == 39
    refused = {each["line"]: each["reason"] for each in rejected(job)}
    assert refused["79"] == "SERVICE_INVALID_ARGUMENT"
    assert refused["9"] == "CUSTOMER_REFUSED"
    assert done.account.accepted + done.account.rejected.count == 301


async def test_a_refused_row_is_rejected_with_the_services_reason(services: Services, address: str, job: Job) -> None:
    services.refuse_order = lambda row: "too dear" if row.external_id == "5" else ""
    done = await run(job, address)
    assert rejected(job)[0] == {
        "line": "7",
        "column": "title",
        "reason": "ROW_INVALID",
        "explanation": "too dear",
        "text": "5,c5,2024-05-01,s5,1,2.50",
    }
    assert (done.account.orders.created, done.account.orders.rejected) == (299, 1)
    assert done.account.amounts == {"USD": 75_000 - 250}
    assert (done.account.accepted, done.account.rejected.count) == (299, 2)


async def test_orders_of_a_refused_customer_are_rejected_not_lost(services: Services, address: str, job: Job) -> None:
    services.refuse_member = lambda row: "TEXT_INVALID" if row.external_id == "c3" else ""
    done = await run(job, address)
    reasons = [each["reason"] for each in rejected(job)]
    assert reasons.count("CUSTOMER_REFUSED") == 8
    assert done.account.accepted + done.account.rejected.count == 301


async def test_an_order_of_endless_lines_is_rejected_and_does_not_hold_up_the_others(
    services: Services, address: str, tmp_path: Path
) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(HEADER + "1,a,2024-05-01,s,1,1\n" * 2_001 + "2,a,2024-05-01,s,1,1\n" * 2_000)
    job = Job(file, mapping_of(), tmp_path / "state")
    done = await run(job, address)
    assert [len(order.lines) for order in services.orders.values()] == [2_000]
    assert done.account.rejected.reasons == {"ORDER_TOO_LONG": 2_001}


async def test_a_phone_number_that_is_taken_is_left_out_and_the_customer_enrolled(
    services: Services, address: str, tmp_path: Path
) -> None:
    services.refuse_member = lambda row: "IDENTIFIER_TAKEN" if row.phone else ""
    file = tmp_path / "orders.csv"
    file.write_text("order,customer,phone,date,qty,price\n1,a,+8613800138000,2024-05-01,1,1\n2,b,,2024-05-01,1,1\n")
    job = Job(file, mapping_of(columns={"phone": "phone"}), tmp_path / "state")
    done = await run(job, address)
    assert done.account.orders.created == 2
    assert not done.account.rejected.count
    assert done.account.noticed.reasons == {"CONTACT_IDENTIFIER_TAKEN": 1}


async def test_without_a_gateway_the_file_is_only_judged(services: Services, job: Job) -> None:
    done = await run_import(job, None, Silent())
    assert (done.account.rows, done.account.accepted) == (301, 300)
    assert len(rejected(job)) == 1


async def test_the_account_is_for_its_owner_only(address: str, job: Job) -> None:
    await run(job, address)
    assert (job.folder / "rejected.csv").stat().st_mode & 0o077 == 0


async def test_a_rate_holds_the_import_back(services: Services, address: str, job: Job) -> None:
    began = time.monotonic()
    await run(replace(job, admit=Rate(1_000)), address)
    assert time.monotonic() - began >= 280 / 1_000
