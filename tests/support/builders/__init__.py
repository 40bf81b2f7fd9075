"""Domain objects for tests, with sensible values for all that a test does not care about."""
