"""What all tables of orders are part of. Kit's own are defined by kit. Amounts are minor units; instants are UTC."""

from sqlalchemy import MetaData

from kit import schema

metadata = MetaData()
schema.define(metadata)
