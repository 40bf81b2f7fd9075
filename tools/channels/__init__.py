"""Another platform for development and tests: 旺店通's open API with shops of its own, which misbehaves on command."""
