"""What all tables of members are part of. The ledger's and kit's own are defined by kit."""

from sqlalchemy import MetaData

from kit import ledger, schema

metadata = MetaData()
schema.define(metadata)
ledger.define(metadata)
