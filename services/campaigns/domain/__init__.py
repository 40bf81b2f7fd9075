"""The rules of campaigns: pure; methods return the new state and what happened."""
