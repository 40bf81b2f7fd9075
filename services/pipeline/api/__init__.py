"""Between the wire and the use-cases of pipeline."""
