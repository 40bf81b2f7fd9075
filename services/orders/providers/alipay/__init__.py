"""Alipay, OpenAPI gateway with RSA2."""
