"""`docs/performance.md`: its tables and charts come from `bench/results/latest.json`, and from nowhere else."""
