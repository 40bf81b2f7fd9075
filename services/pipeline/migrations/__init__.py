"""The schema of pipeline, step by step; expand only."""
