"""What every test stands on: a time zone that is not UTC, and a real PostgreSQL and RabbitMQ for those that ask."""

import os
import time

# Before anything is imported: code that takes local time for UTC must fail here and not in Shanghai.
os.environ["TZ"] = "America/New_York"
time.tzset()

pytest_plugins = ["tests.support.session", "tests.support.postgres", "tests.support.rabbitmq", "tests.support.rpc"]
