"""What the demo measured, beside what it should be. Figures of a machine: they inform, and fail nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.demo.history import Replay
from cli.demo.latency import Latency
from deploy.local.status import Found

_PEAK = "VmHWM:"


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure with its target, and whether it is met."""

    title: str
    value: str
    target: str
    met: bool


def measures(replay: Replay, latencies: Sequence[Latency], processes: Iterable[Found]) -> list[Measure]:
    """The figures of a run. `latencies` are those of the steady stream, to members first."""
    name, peak = largest(processes)
    found = [
        Measure(
            "orders imported until every effect was there",
            f"{replay.orders_per_second:,.0f}/s",
            "1,000/s or more",
            replay.orders_per_second >= 1_000,
        ),
        Measure(
            "from the last row to an empty backlog",
            f"{replay.backlog_seconds:.1f} s",
            "within 15 s",
            replay.backlog_seconds <= 15,
        ),
        Measure("largest process of the services", f"{peak:.0f} MiB, {name}", "under 160 MiB", peak < 160),
    ]
    for latency in latencies[:1]:
        if latency.seconds:
            worst = latency.quantile(0.99)
            found.append(
                Measure(
                    f"commit in orders to effect in {latency.consumer}, p99",
                    f"{worst * 1000:.0f} ms",
                    "under 1 s",
                    worst < 1,
                )
            )
    return found


def largest(processes: Iterable[Found]) -> tuple[str, float]:
    """The process of a service that has needed the most memory so far, and how much (MiB)."""
    peaks = [(_peak(process.pid), process.name) for process in processes if process.service and process.pid]
    peak, name = max(peaks, default=(0.0, ""))
    return name, peak


def _peak(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(_PEAK)), 0.0)
