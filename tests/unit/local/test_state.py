import os
import stat
from pathlib import Path

import pytest

from deploy.local.folder import Folder
from deploy.local.problem import Problem
from deploy.local.state import Process, State, holder, running


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / ".run")
    made.make()
    return made


def a_state() -> State:
    process = Process("members-serve", "members", "serve", "127.0.0.1:1", "127.0.0.1:2", "/logs/members-serve.log")
    return State(
        ready=True,
        gateway="http://127.0.0.1:8080",
        gateway_admin="127.0.0.1:3",
        broker_url="amqp://",
        postgres_url="postgresql://",
        databases={"members": "postgresql://members"},
        jwks_file="jwks.json",
        issuer_key_file="issuer.pem",
        service_key_file="service.pem",
        keyring_file="keyring.json",
        supervisor_url="http://127.0.0.1:4/RPC2",
        processes=(process,),
    )


def test_what_was_written_down_is_read_again(folder: Folder) -> None:
    a_state().write(folder.state)

    assert State.read(folder.state) == a_state()


def test_only_the_owner_reads_the_state(folder: Folder) -> None:
    a_state().write(folder.state)

    assert stat.S_IMODE(folder.state.stat().st_mode) == 0o600


def test_a_process_is_found_by_its_name() -> None:
    assert a_state().process("members-serve").grpc_address == "127.0.0.1:1"


def test_a_running_suite_says_its_process(folder: Folder) -> None:
    with running(folder):
        assert holder(folder) == os.getpid()


def test_nothing_runs_before_and_after(folder: Folder) -> None:
    assert holder(folder) is None
    with running(folder):
        a_state().write(folder.state)

    assert holder(folder) is None
    assert not folder.state.exists()


def test_a_second_suite_in_the_same_folder_is_refused_with_the_first_ones_process(folder: Folder) -> None:
    with (
        running(folder),
        pytest.raises(Problem, match=rf"already runs here \(process {os.getpid()}\)"),
        running(folder),
    ):
        pass


def test_the_lock_of_a_dead_suite_does_not_count(folder: Folder) -> None:
    folder.lock.write_text("4194305")

    assert holder(folder) is None
    with running(folder):
        assert holder(folder) == os.getpid()
