"""What a process tells of its settings when it starts."""

from __future__ import annotations

import os

from kit.settings import Settings, unknown
from kit.telemetry.logs import log


def tell_settings(settings: Settings) -> None:
    """Log the settings without their secrets, and a warning for each name in the environment that nothing reads: the
    setting that somebody meant by it is as it was. Not a refusal, for a name may be of a newer or older version that
    shares the environment during an upgrade."""
    log.info("settings", settings=settings.printable())
    for name, meant in unknown(os.environ, type(settings).model_fields).items():
        log.warning("unknown setting", setting=name, meant=meant)
