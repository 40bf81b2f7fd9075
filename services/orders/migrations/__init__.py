"""The schema of orders, step by step."""
