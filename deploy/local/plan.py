"""The plan of one run: which processes there will be, where each listens, and who opens what with which password."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deploy.local import databases, passwords, ports, rabbitmq
from deploy.local.folder import SERVICES, Folder
from deploy.local.keys import Keys
from deploy.local.options import Options
from deploy.local.passwords import Passwords
from deploy.local.postgres import Server
from deploy.local.state import Process, State
from deploy.local.supervisor import Supervisor

ROLES = ("serve", "consume", "relay")
_POSTGRES_SETTINGS = {"max_connections": "200", "shared_buffers": "256MB"}


@dataclass(frozen=True)
class Plan:
    """Everything that is decided before anything starts."""

    options: Options
    folder: Folder
    passwords: Passwords
    keys: Keys
    supervisor: Supervisor
    gateway: str
    gateway_status: str
    gateway_admin: str
    postgres: Server | None
    """None where an existing server is used."""
    postgres_url: str
    node: rabbitmq.Node | None
    """None where an existing broker is used."""
    broker_url: str
    services: tuple[Process, ...]

    def database_url(self, service: str) -> str:
        """Where a service connects to its database."""
        return databases.url(self.postgres_url, service, self.passwords.roles[service])

    def platform(self) -> tuple[Process, ...]:
        """What the services stand on, as far as it runs here."""
        names = ["gateway", *(["postgres"] if self.postgres else []), *(["epmd", "rabbitmq"] if self.node else [])]
        metrics = {"gateway": self.gateway_status}
        return tuple(Process(name, None, name, None, metrics.get(name), _log(self.folder, name)) for name in names)

    def state(self, *, ready: bool) -> State:
        """What others may know."""
        return State(
            ready=ready,
            gateway=f"http://{self.gateway}",
            gateway_admin=self.gateway_admin,
            broker_url=self.broker_url,
            postgres_url=self.postgres_url,
            databases={service: self.database_url(service) for service in SERVICES},
            jwks_file=str(self.keys.jwks),
            issuer_key_file=str(self.keys.issuer),
            service_key_file=str(self.keys.service),
            keyring_file=str(self.keys.keyring),
            supervisor_url=self.supervisor.url,
            processes=(*self.platform(), *self.services),
        )


def make(options: Options) -> Plan:
    """Decide everything; the ports were free a moment ago."""
    folder = options.folder
    secrets = passwords.keep(folder.secrets)
    free = iter(ports.free(10 + 2 * len(ROLES) * len(SERVICES)))
    if options.gateway_port:
        ports.demand(options.gateway_port, variable="KEHU_GATEWAY_PORT")
    if options.gateway_tls_port:
        ports.demand(options.gateway_tls_port, variable="KEHU_GATEWAY_TLS_PORT")
    postgres = None
    if not options.postgres_url:
        postgres = Server(folder.postgres, next(free), secrets.postgres, _POSTGRES_SETTINGS)
    node = None
    if not options.broker_url:
        programs = rabbitmq.find()
        node = rabbitmq.Node(
            programs,
            folder.rabbitmq,
            port=next(free),
            distribution_port=next(free),
            epmd_port=next(free),
            password=secrets.broker,
        )
    return Plan(
        options=options,
        folder=folder,
        passwords=secrets,
        keys=Keys(folder.keys),
        supervisor=Supervisor(folder.supervisor, folder.logs, next(free), secrets.supervisor, options.quick_deaths),
        gateway=_address(options.gateway_port or next(free)),
        gateway_status=_address(next(free)),
        gateway_admin=_address(next(free)),
        postgres=postgres,
        postgres_url=options.postgres_url or (postgres.admin_url if postgres else ""),
        node=node,
        broker_url=options.broker_url or (node.url if node else ""),
        services=tuple(
            Process(
                name=f"{service}-{role}",
                service=service,
                role=role,
                grpc_address=_address(next(free)) if role == "serve" else None,
                metrics_address=_address(next(free)),
                log=_log(folder, f"{service}-{role}"),
            )
            for service in SERVICES
            for role in ROLES
        ),
    )


def peers(plan: Plan, service: str) -> Mapping[str, str]:
    """The gRPC addresses of the other services."""
    return {p.service: p.grpc_address for p in plan.services if p.service and p.grpc_address and p.service != service}


def _address(port: int) -> str:
    return f"{ports.HOST}:{port}"


def _log(folder: Folder, name: str) -> str:
    return str(folder.logs / f"{name}.log")
