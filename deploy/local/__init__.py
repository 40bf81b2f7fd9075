"""The whole suite on one machine: PostgreSQL, RabbitMQ, Envoy and the four services under one supervisor."""
