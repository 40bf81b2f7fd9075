"""`python -m services.campaigns serve|consume|relay|migrate`."""

from kit.cli import main

main("services.campaigns")
