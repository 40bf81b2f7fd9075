"""How alembic finds the schema of pipeline."""

from kit.db import migrations
from services.pipeline.storage.tables import metadata

migrations.run(metadata)
