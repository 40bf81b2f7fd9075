"""The gRPC edge of orders."""
