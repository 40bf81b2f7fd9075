"""TLS at the gateway: towards callers, and, in both directions, towards the services."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.place import Address, Mutual, Tls
from gateway.typed import Json, extension

SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_SOCKET = "envoy.transport_sockets.tls"
_TYPES = "envoy.extensions.transport_sockets.tls.v3"
# What RFC 9325 recommends for TLS 1.2; those of TLS 1.3 are not to be chosen.
_CIPHERS = [
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]",
    "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
]


def towards_callers(tls: Tls) -> Json:
    """The transport socket of the public TLS port: TLS 1.2 or 1.3, HTTP/2 or HTTP/1.1."""
    return extension(
        _SOCKET,
        f"{_TYPES}.DownstreamTlsContext",
        common_tls_context={
            "tls_params": {
                "tls_minimum_protocol_version": "TLSv1_2",
                "tls_maximum_protocol_version": "TLSv1_3",
                "cipher_suites": _CIPHERS,
            },
            "tls_certificates": [_pair(tls.certificate, tls.key)],
            "alpn_protocols": ["h2", "http/1.1"],
        },
    )


def towards_services(mutual: Mutual, addresses: Sequence[Address]) -> Json:
    """The transport socket of a service, whose certificate must be for a name or address that it is called by."""
    names = sorted({address.host for address in addresses if address.is_name})
    return extension(
        _SOCKET,
        f"{_TYPES}.UpstreamTlsContext",
        **({"sni": names[0]} if names else {}),
        common_tls_context={
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"},
            "tls_certificates": [_pair(mutual.certificate, mutual.key)],
            "alpn_protocols": ["h2"],
            "validation_context": {
                "trusted_ca": {"filename": mutual.authority},
                "match_typed_subject_alt_names": _named(addresses),
            },
        },
    )


def towards_others(address: Address, authority: str = SYSTEM_AUTHORITIES) -> Json:
    """The transport socket of somebody else's server, whose name an authority must vouch for."""
    return extension(
        _SOCKET,
        f"{_TYPES}.UpstreamTlsContext",
        **({"sni": address.host} if address.is_name else {}),
        common_tls_context={
            "validation_context": {
                "trusted_ca": {"filename": authority},
                "match_typed_subject_alt_names": _named([address]),
            }
        },
    )


def _pair(certificate: str, key: str) -> Json:
    return {"certificate_chain": {"filename": certificate}, "private_key": {"filename": key}}


def _named(addresses: Sequence[Address]) -> list[Json]:
    return [
        {"san_type": "DNS" if is_name else "IP_ADDRESS", "matcher": {"exact": host}}
        for host, is_name in sorted({(address.host, address.is_name) for address in addresses})
    ]
