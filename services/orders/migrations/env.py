"""How alembic finds the schema of orders."""

from kit.db import migrations
from services.orders.storage.tables import metadata

migrations.run(metadata)
