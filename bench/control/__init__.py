"""The control: commands written the ordinary way, one transaction per request, so that the worth of group commit and
outbox stays visible."""
