"""`python -m services.pipeline serve|consume|relay|migrate`."""

from kit.cli import main

main("services.pipeline")
