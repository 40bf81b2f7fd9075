"""Where the gateway stands: its own addresses, the services behind it, the files that it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from gateway import api


@dataclass(frozen=True, slots=True)
class Address:
    """A host (name or IP address) and a TCP port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `host:port`; `ValueError` if it isn't one."""
        host, _, port = text.rpartition(":")
        if not host or not port.isdigit():
            raise ValueError(f"{text!r} is not host:port")
        return cls(host.strip("[]"), int(port))

    @property
    def is_name(self) -> bool:
        """Whether the host has to be looked up in the DNS."""
        try:
            ip_address(self.host)
        except ValueError:
            return True
        return False

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Tls:
    """How callers come in over TLS. The files are PEM, as Envoy sees them."""

    listen: Address
    certificate: str
    """The certificate with those between it and its authority."""
    key: str
    beside: bool = False
    """Whether the plain port stays open beside this one."""


@dataclass(frozen=True, slots=True)
class Mutual:
    """How the gateway and the services prove themselves to each other. The files are PEM, as Envoy sees them."""

    certificate: str
    """What the gateway shows to the services."""
    key: str
    authority: str
    """Who must have signed the services' certificates."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """An OIDC identity provider whose tokens count too, beside those that the keys in the file verify."""

    name: str
    """What its tokens say in `iss`."""
    jwks_uri: str
    """Where it shows its public keys."""
    audiences: Sequence[str]
    """What its tokens may say in `aud`."""
    authority: str = "/etc/ssl/certs/ca-certificates.crt"
    """Who must have signed its certificate, where the address begins with https."""


@dataclass(frozen=True, slots=True)
class Place:
    """What differs between one machine and a cluster."""

    listen: Address
    """REST, gRPC and gRPC-Web."""
    status: Address
    """`/ready` and `/stats/prometheus`, for probes and for Prometheus."""
    admin: Address
    """Envoy's admin interface; on loopback only, because it can stop the process."""
    upstreams: Mapping[str, Sequence[Address]]
    """The addresses of each service by its room. A name may stand for many addresses (a headless Service)."""
    jwks: str
    """The file of public keys that tokens are verified with, as Envoy sees it; empty where only the issuer's count."""
    descriptors: str
    """The descriptor set, as Envoy sees it."""
    origins: Sequence[str] = ()
    """Regular expressions (RE2) of the web origins that may call from a browser."""
    otlp_endpoint: str = ""
    """Base address of the OTLP/HTTP collector; empty: the gateway traces nothing."""
    trace_ratio: float = 0.01
    """Share of the traces started here that are recorded, 0 to 1."""
    trusted_hops: int = 0
    """Proxies in front that may be believed about the caller's address."""
    tls: Tls | None = None
    """None: callers come in plain, for there is somebody in front who ends TLS."""
    mutual: Mutual | None = None
    """None: the services are called in plain."""
    issuer: Issuer | None = None
    """None: only the keys in the file verify tokens."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """How many replicas of a service this gateway may fill: its replicas over the gateways. By default one for each of
    its addresses, which is too few where a name stands for many and there is but one gateway."""

    def __post_init__(self) -> None:
        if self.admin.is_name or not ip_address(self.admin.host).is_loopback:
            raise ValueError(f"the admin interface belongs on loopback, not on {self.admin}")


ADMIN = Address("127.0.0.1", 9901)

Upstreams = Mapping[str, Sequence[Address]]


def local(upstreams: Upstreams, *, jwks: str) -> Place:
    """One machine: everything on loopback, callers from any page that this machine serves."""
    return Place(
        listen=Address("127.0.0.1", 8080),
        status=Address("127.0.0.1", 8081),
        admin=ADMIN,
        upstreams=upstreams,
        jwks=jwks,
        descriptors=str(api.DESCRIPTORS),
        origins=[r"http://(localhost|127\.0\.0\.1)(:\d+)?"],
    )


def cluster(upstreams: Upstreams, *, jwks: str) -> Place:
    """A cluster: callers come from other machines, the files lie where the chart mounts them."""
    return Place(
        listen=Address("0.0.0.0", 8080),  # noqa: S104 - a pod has nothing but its own interfaces
        status=Address("0.0.0.0", 8081),  # noqa: S104
        admin=ADMIN,
        upstreams=upstreams,
        jwks=jwks,
        descriptors="/etc/envoy/descriptors.binpb",
    )
