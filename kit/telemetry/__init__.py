"""What a process tells of itself: JSON logs, Prometheus metrics, OpenTelemetry traces. No personal data in any."""

from kit.telemetry.counting import Bounded, Told, counting
from kit.telemetry.logs import configure_logs, line, log, record
from kit.telemetry.metrics import LATENCY_BUCKETS, MetricsServer
from kit.telemetry.start import tell_settings
from kit.telemetry.tracing import Span, carried, configure_tracing, flush, present, sampled, span, trace_id, unrecorded

__all__ = [
    "LATENCY_BUCKETS",
    "Bounded",
    "MetricsServer",
    "Span",
    "Told",
    "carried",
    "configure_logs",
    "configure_tracing",
    "counting",
    "flush",
    "line",
    "log",
    "present",
    "record",
    "sampled",
    "span",
    "tell_settings",
    "trace_id",
    "unrecorded",
]
