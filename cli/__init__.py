"""The command-line tool `kehu`."""
