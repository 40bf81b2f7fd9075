"""The rules of orders: pure, no database, no wire, no clock."""
