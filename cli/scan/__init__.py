"""Whether a run has told anything personal: its logs, metrics and spans, looked through for every known value."""
