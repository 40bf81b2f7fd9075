"""What every service of Kehu stands on. Four floors, each knowing only those below; see ARCHITECTURE.md."""
