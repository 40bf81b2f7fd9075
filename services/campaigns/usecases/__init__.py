"""What campaigns does: one function per command, over a unit of work."""
