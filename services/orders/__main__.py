"""`python -m services.orders serve|consume|relay|migrate`."""

from kit.cli import main

main("services.orders")
