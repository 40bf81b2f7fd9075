"""Generators, lints and other tools of the house."""
