"""The schema of members, step by step; expand only."""
