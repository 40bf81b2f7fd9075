"""The cases: one module each, found by its name in `bench.case.CASES`."""
