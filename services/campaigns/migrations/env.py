from kit.db import migrations
from services.campaigns.storage.tables import metadata

migrations.run(metadata)
