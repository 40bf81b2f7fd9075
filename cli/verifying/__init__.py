"""The parts of `kehu verify`."""
