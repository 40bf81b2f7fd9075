"""From the plan to what the supervisor runs: the command and the environment of every process."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import gateway
from deploy.local import certificate, ports
from deploy.local.account import Account
from deploy.local.plan import Plan, peers
from deploy.local.state import Process
from deploy.local.supervisor import Child, Stage
from gateway import envoy, place

# A service's work is safe in its database at any moment, so that nothing of it needs to outlive the supervisor.
_AT_ONCE = "KILL"


def write_configuration(plan: Plan) -> None:
    """Make every file that the processes read at their start."""
    plan.keys.make()
    if plan.options.gateway_tls_port:
        certificate.make(plan.keys.certificate, plan.keys.certificate_key)
    if plan.postgres is not None:
        plan.postgres.initialise()
    if plan.node is not None:
        plan.node.configure()
    plan.folder.gateway.write_text(json.dumps(_gateway(plan)))


def platform(plan: Plan) -> list[Child]:
    """What the services stand on."""
    found = [_child("gateway", envoy.command(plan.folder.gateway))]
    if plan.postgres is not None:
        # SIGINT: do not wait for clients to go.
        found.append(Child("postgres", Stage.PLATFORM, plan.postgres.command(), stop_signal="INT"))
    if plan.node is not None:
        environment = plan.node.environment()
        found.append(_child("epmd", plan.node.epmd, environment=environment))
        found.append(_child("rabbitmq", plan.node.server, environment=environment, death_signal="TERM", patience=30))
    return found


def services(plan: Plan, *roles: str) -> list[Child]:
    """The processes of all services in some roles."""
    return [_service(plan, process) for process in plan.services if process.role in roles]


def _service(plan: Plan, process: Process) -> Child:
    service = process.service or ""
    given = {
        "KEHU_DATABASE_URL": plan.database_url(service),
        "KEHU_BROKER_URL": plan.broker_url,
        "KEHU_GRPC_ADDRESS": process.grpc_address,
        "KEHU_METRICS_ADDRESS": process.metrics_address,
        "KEHU_JWKS_FILE": str(plan.keys.jwks),
        "KEHU_SERVICE_KEY_FILE": str(plan.keys.service),
        "KEHU_PAGE_TOKEN_KEY": plan.passwords.page_tokens,
        "KEHU_KEYRING_FILE": str(plan.keys.keyring) if service in {"members", "orders"} else "",
        "PYTHONUNBUFFERED": "1",
        **{f"KEHU_PEERS_{peer.upper()}": address for peer, address in peers(plan, service).items()},
    }
    return Child(
        name=process.name,
        stage=Stage.SERVICES,
        command=Account().run([sys.executable, "-m", f"services.{service}", process.role], death_signal=_AT_ONCE),
        environment={name: value for name, value in given.items() if value},
        patience=30,
    )


def _child(
    name: str,
    command: list[str],
    *,
    environment: dict[str, str] | None = None,
    death_signal: str = _AT_ONCE,
    patience: int = 15,
) -> Child:
    program = Account().run(command, death_signal=death_signal)
    return Child(name, Stage.PLATFORM, program, environment or {}, patience=patience)


def _gateway(plan: Plan) -> object:
    parse = place.Address.parse
    upstreams = {p.service: [parse(p.grpc_address)] for p in plan.services if p.service and p.grpc_address}
    here = replace(
        place.local(upstreams, jwks=str(plan.keys.jwks)),
        listen=parse(plan.gateway),
        status=parse(plan.gateway_status),
        admin=parse(plan.gateway_admin),
        otlp_endpoint=plan.options.otlp_endpoint,
        trace_ratio=plan.options.trace_ratio,
        tls=_tls(plan) if plan.options.gateway_tls_port else None,
    )
    return gateway.render(here)


def _tls(plan: Plan) -> place.Tls:
    listen = place.Address(ports.HOST, plan.options.gateway_tls_port)
    return place.Tls(listen, str(plan.keys.certificate), str(plan.keys.certificate_key), beside=True)
