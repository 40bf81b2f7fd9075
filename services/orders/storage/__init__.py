"""Rows to domain and back; the only SQL of orders."""
