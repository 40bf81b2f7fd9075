"""`make observe`: a suite, a real Prometheus, and every expression of every panel and rule asked of it.

What doesn't answer under load must be listed by a trouble (`troubles.py`), and answer in it.
"""
