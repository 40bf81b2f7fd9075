"""gRPC, and nothing else of kit may know of it: servers, the edge, callers' identities, errors on the wire."""

from kit.rpc.client import Peer
from kit.rpc.edge import Edge
from kit.rpc.identity import Tokens, Verifier
from kit.rpc.server import Server, Servicer, run

__all__ = ["Edge", "Peer", "Server", "Servicer", "Tokens", "Verifier", "run"]
