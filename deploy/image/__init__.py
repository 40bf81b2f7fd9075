"""The container image: build it with docker or podman, list what is in it, look for what must not be in it."""
