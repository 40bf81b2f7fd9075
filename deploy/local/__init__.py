"""The whole suite on one machine: PostgreSQL, RabbitMQ, Envoy and the four services under one supervisor.

Programs that need a running suite take `deploy.local.suite`; people take `kehu up`.
"""
