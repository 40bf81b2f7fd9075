"""Rows and back: the only SQL of campaigns."""
