from kit.db import migrations
from services.members.storage.tables import metadata

migrations.run(metadata)
