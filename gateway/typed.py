"""The shape that Envoy gives every extension: a name, and a configuration that says its type."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def config(type_name: str, **fields: Any) -> Json:
    """A configuration of the given message type."""
    return {"@type": f"type.googleapis.com/{type_name}", **fields}


def extension(name: str, type_name: str, **fields: Any) -> Json:
    """An extension by its name, with its configuration."""
    return {"name": name, "typed_config": config(type_name, **fields)}


def http_filter(name: str, message: str, **fields: Any) -> Json:
    """One of Envoy's HTTP filters; its type follows from its name."""
    return extension(f"envoy.filters.http.{name}", f"envoy.extensions.filters.http.{name}.v3.{message}", **fields)


def seconds(value: float) -> str:
    """A duration as Envoy reads it."""
    return f"{value:g}s"
