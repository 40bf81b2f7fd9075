"""The database: one transaction around one use-case, in asyncio (`AsyncDatabase`) and in workers (`Database`)."""

from kit.db.engines import AsyncDatabase, Database
from kit.db.faults import Constraints

__all__ = ["AsyncDatabase", "Constraints", "Database"]
