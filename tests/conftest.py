"""What every test stands on: a time zone that is not UTC, and a real PostgreSQL and RabbitMQ for those that ask."""

import os
import time

# Before anything is imported: code that takes local time for UTC must fail here and not in Shanghai.
os.environ["TZ"] = "America/New_York"
time.tzset()

from hypothesis import HealthCheck, settings  # noqa: E402

# How fast the machine is at the moment is no property of the code.
settings.register_profile("kehu", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kehu")

pytest_plugins = [
    "tests.support.session",
    "tests.support.postgres",
    "tests.support.rabbitmq",
    "tests.support.providers",
    "tests.support.rpc",
    "tests.support.suite",
]
