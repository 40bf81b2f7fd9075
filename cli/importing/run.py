"""One import from end to end: read, judge, send, account. The command and the demo both call it."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from pathlib import Path

from cli.importing import encoding
from cli.importing.gateway import Gateway
from cli.importing.mapping import Mapping
from cli.importing.pacing import Admit, Pace, at_once
from cli.importing.progress import Shown
from cli.importing.reading import Reading
from cli.importing.report import Account, Remarks
from cli.importing.sending import Sending, StaleState
from cli.importing.state import State


@dataclass(frozen=True, slots=True)
class Job:
    """What to import, and where the account of it goes. `now` is in microseconds since 1970."""

    file: Path
    mapping: Mapping
    folder: Path
    now: int = field(default_factory=lambda: time.time_ns() // 1_000)
    pace: Pace = field(default_factory=Pace)
    admit: Admit = at_once


@dataclass(slots=True)
class Done:
    """What an import did, and how long it took."""

    account: Account
    columns: dict[str, str]
    encoding: str
    read_seconds: float = 0.0
    sent_seconds: float = 0.0
    resumed: bool = False


async def run_import(job: Job, gateway: Gateway | None, shown: Shown) -> Done:
    """Import a file; without a gateway only judge it. Raises ImportProblem; what was sent by then is remembered."""
    text = encoding.inspect(job.file, job.mapping.file.encoding)
    state = State(job.folder / "state.jsonl", key=_key(job, text.digest, gateway), now=job.now)
    try:
        return await _run(job, text, state, gateway, shown)
    except StaleState:
        # The services know nothing of what an earlier run sent: they were set up anew since then.
        state.forget()
        return await _run(job, text, state, gateway, shown)
    finally:
        state.close()


async def _run(job: Job, text: encoding.Text, state: State, gateway: Gateway | None, shown: Shown) -> Done:
    began = time.monotonic()
    account = Account(Remarks(job.folder / "rejected.csv"), Remarks(job.folder / "noticed.csv"))
    reading = Reading(text, job.mapping, now=state.now)
    try:
        shown.begin("rows", None)
        reading.run(account, shown.advance)
        done = Done(account, reading.columns, text.encoding, time.monotonic() - began, resumed=state.resumed)
        if gateway is not None:
            channel = job.mapping.channel
            sending = Sending(reading.scratch, gateway, state, channel=channel, pace=job.pace, admit=job.admit)
            await sending.run(account, shown)
            state.forget()
    finally:
        reading.close()
        account.close()
    if not account.balanced:
        raise AssertionError(f"{account.rows} rows, {account.accepted} in, {account.rejected.count} rejected")
    done.sent_seconds = time.monotonic() - began - done.read_seconds
    return done


def _key(job: Job, digest: str, gateway: Gateway | None) -> str:
    """What makes two runs the same import: then their batches are the same, too."""
    sizes = f"{job.pace.members} {job.pace.orders}"
    parts = (digest, job.mapping.model_dump_json(), sizes, gateway.address if gateway else "")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
