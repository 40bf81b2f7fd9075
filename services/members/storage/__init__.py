"""Rows and domain objects of members, and all of its SQL."""
