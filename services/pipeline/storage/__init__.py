"""Rows and domain objects: the only SQL of the service."""
