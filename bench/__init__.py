"""Load on the real parts: real processes, a real database, a real broker. Figures are for comparing, not for quoting:
run what is to be compared in one run, on a quiet machine."""
