"""The gateway: one source of routes, and the Envoy configuration made from it for one machine and for the chart."""

from gateway.bootstrap import render
from gateway.place import Address, Place, cluster, local
from gateway.rules import Rules

__all__ = ["Address", "Place", "Rules", "cluster", "local", "render"]
