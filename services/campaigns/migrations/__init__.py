"""The schema of campaigns, step by step; expand only."""
