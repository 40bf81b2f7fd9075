"""The four services. They never import each other; each is described in its own README."""
