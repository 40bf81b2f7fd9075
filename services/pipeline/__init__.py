"""The sales pipeline: leads, accounts, contacts, opportunities, quotes."""
