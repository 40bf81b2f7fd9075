"""gRPC in and out: parse, call, render."""
