"""What an operator sees of a running installation: dashboards, objectives, alerts; and the proof that they answer.

`python -m deploy.observability.generate` writes the dashboards and the rules of the objectives, `make observe` asks
every expression of a real Prometheus.
"""
