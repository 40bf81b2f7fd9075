"""An OIDC issuer on this machine: it signs tokens, shows its public keys, rotates them, and can be away."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.certificates import Pair

NAME = "https://login.example"


class Issuer:
    """Signs with its newest key; `keys` are those that it shows."""

    def __init__(self) -> None:
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.away = False
        self.asked = 0
        self.uri = ""
        self.rotate("first")

    def rotate(self, key_id: str, *, forget: bool = False) -> None:
        """Sign with a new key from now on; show the old ones still, unless they are to be forgotten."""
        kept = {} if forget else self.keys
        self.keys = {**kept, key_id: rsa.generate_private_key(public_exponent=65537, key_size=2048)}

    def token(self, **claims: Any) -> str:
        """A token good for an hour, with claims added or changed; those that are None are left out."""
        key_id, key = list(self.keys.items())[-1]
        now = int(time.time())
        usual = {"iss": NAME, "aud": "kehu", "sub": "anna", "roles": ["viewer"], "iat": now, "exp": now + 3600}
        said = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode(said, key, algorithm="RS256", headers={"kid": key_id})

    def jwks(self) -> bytes:
        """The public halves, and a key for another purpose."""
        shown: list[dict[str, Any]] = []
        for key_id, key in self.keys.items():
            public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
            shown.append({**public, "kid": key_id, "use": "sig", "alg": "RS256"})
        shown.append({**shown[0], "kid": "for-sealing", "use": "enc"})
        return json.dumps({"keys": shown}).encode()


@contextmanager
def issuing(pair: Pair | None = None) -> Iterator[Issuer]:
    """An issuer that can be asked, over TLS if it has a certificate for localhost, until the end of the block."""
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked += 1
            body = b"" if issuer.away else issuer.jwks()
            self.send_response(503 if issuer.away else 200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *said: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if pair is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    issuer.uri = f"{'https' if pair else 'http'}://localhost:{server.server_port}/keys"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
