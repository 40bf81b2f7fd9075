"""`python -m services.members serve|consume|relay|migrate`."""

from kit.cli import main

main("services.members")
