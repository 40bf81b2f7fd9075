"""Nothing personal in logs and metrics, whatever callers do. (`test_trace` looks into spans.)"""

from __future__ import annotations

import json
from pathlib import Path

from cli.scan.looking import logs, look, metrics
from cli.scan.spelling import spellings
from deploy.local.suite import Running
from tests.e2e.callers import Caller
from tests.e2e.personal import Person, live
from tests.support.waiting import until


def test_logs_and_metrics_tell_nothing_of_a_person(suite: Running, admin: Caller, tmp_path: Path) -> None:
    person = Person()
    member = live(admin, person)
    handled = suite.folder.logs / "members-serve.log"
    until(lambda: "MembersService/EnrollMember" in handled.read_text(), what="the log of the calls")
    looked = look(person.values, logs=logs(suite.folder), metrics=metrics(suite, tmp_path))
    assert looked.found == []
    assert looked.lines["logs"] > 0
    assert looked.lines["metrics"] > 0
    assert str(looked).startswith("Personal data in telemetry: 0 found")
    assert member not in " ".join(path.read_text() for path in tmp_path.iterdir()), "metrics name nobody"


def test_each_process_says_its_settings_at_its_start_and_no_secret(suite: Running) -> None:
    processes = [process for process in suite.processes() if process.service]
    assert len(processes) == 12
    secrets = {url.rpartition("@")[0].rpartition(":")[2] for url in (suite.broker_url, *suite.state.databases.values())}
    for process in processes:
        written = Path(process.log).read_text()
        told = [json.loads(line) for line in written.splitlines() if '"message": "settings"' in line]
        assert {each["settings"]["database_url"] for each in told} == {"**********"}, process.name
        assert not [secret for secret in secrets if secret in written], process.name


def test_whatever_tells_of_a_person_is_found(tmp_path: Path) -> None:
    person = Person()
    for number, spelled in enumerate(sorted(spellings(person.values))):
        (tmp_path / f"{number}.log").write_text(f"nothing here\nsomething {spelled.upper()}, and more\n")
    files = sorted(tmp_path.iterdir())
    looked = look(person.values, logs=files)
    assert sorted(looked.found) == sorted(f"{file}:2" for file in files)
    assert looked.values == len(person.values)


def test_what_tells_of_nobody_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("trace_id\n")
    assert look(["Trace", "a"], logs=[tmp_path / "a.log"]).found == []
    assert look([], logs=[tmp_path / "a.log"]).found == []
