"""TLS between the services, and between the gateway and them: who connects shows a certificate of our authority.

It stands beside the tokens, not in their place: it keeps strangers from the port, a token says who calls.
"""

from __future__ import annotations

from pathlib import Path

import grpc

from kit.settings import Settings


def listen(server: grpc.aio.Server, settings: Settings) -> int:
    """Let the server listen where the settings say, over TLS if they name files for it; answers the port."""
    if not settings.tls_cert_file:
        return int(server.add_insecure_port(settings.grpc_address))
    key, certificate, authority = _files(settings)
    credentials = grpc.ssl_server_credentials(
        [(key, certificate)], root_certificates=authority, require_client_auth=True
    )
    return int(server.add_secure_port(settings.grpc_address, credentials))


def towards(settings: Settings) -> grpc.ChannelCredentials | None:
    """What a channel to a peer is opened with: our certificate, and whom the peer's must be signed by. None: plain."""
    if not settings.tls_cert_file:
        return None
    key, certificate, authority = _files(settings)
    return grpc.ssl_channel_credentials(authority, key, certificate)


def _files(settings: Settings) -> tuple[bytes, bytes, bytes]:
    return (
        Path(settings.tls_key_file).read_bytes(),
        Path(settings.tls_cert_file).read_bytes(),
        Path(settings.tls_ca_file).read_bytes(),
    )
