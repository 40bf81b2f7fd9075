"""The OpenAPI document and the reference pages under `docs/api/`, made from the protos and their comments."""
