"""What members does: one function per command, over a unit of work."""
