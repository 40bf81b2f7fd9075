"""What happens to the suite when something breaks under load: one harness, many faults, four sets that are compared."""
