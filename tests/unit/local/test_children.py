import json
from pathlib import Path

import pytest

from deploy.local import children, plan, ports
from deploy.local.folder import SERVICES
from deploy.local.options import Options
from deploy.local.plan import Plan
from deploy.local.supervisor import Child


@pytest.fixture
def made(tmp_path: Path) -> Plan:
    """The plan of a suite whose database and broker run elsewhere."""
    options = Options(
        run_folder=tmp_path,
        gateway_port=0,
        postgres_url="postgresql://admin:hidden@db:5432/postgres",
        broker_url="amqp://mq/",
    )
    options.folder.make()
    return plan.make(options)


def named(found: list[Child], name: str) -> Child:
    return next(child for child in found if child.name == name)


def test_every_service_has_its_three_processes(made: Plan) -> None:
    names = {child.name for child in children.services(made, *plan.ROLES)}

    assert names == {f"{service}-{role}" for service in SERVICES for role in ("serve", "consume", "relay")}


def test_a_service_knows_the_way_into_its_own_database_alone(made: Plan) -> None:
    environment = named(children.services(made, "serve"), "orders-serve").environment

    assert (
        environment["KEHU_DATABASE_URL"]
        == f"postgresql://kehu_orders:{made.passwords.roles['orders']}@db:5432/kehu_orders"
    )
    others = [made.passwords.roles[service] for service in SERVICES if service != "orders"]
    assert not any(secret in value for secret in [*others, "hidden"] for value in environment.values())


def test_a_service_is_told_where_its_peers_are(made: Plan) -> None:
    environment = named(children.services(made, "serve"), "orders-serve").environment
    members = made.state(ready=False).process("members-serve")

    assert environment["KEHU_PEERS_MEMBERS"] == members.grpc_address
    assert "KEHU_PEERS_ORDERS" not in environment


def test_no_two_processes_share_an_address(made: Plan) -> None:
    processes = made.state(ready=False).processes
    addresses = [a for process in processes for a in (process.grpc_address, process.metrics_address) if a]

    assert len(addresses) == len(set(addresses)) == 4 + 12 + 1


def test_what_runs_elsewhere_is_not_started_here(made: Plan) -> None:
    assert [child.name for child in children.platform(made)] == ["gateway"]


def test_the_gateway_leads_to_every_service(made: Plan) -> None:
    children.write_configuration(made)

    clusters = json.loads(made.folder.gateway.read_text())["static_resources"]["clusters"]
    assert set(SERVICES) <= {cluster["name"] for cluster in clusters}


def test_a_tls_port_stands_beside_the_plain_one_with_a_certificate_of_its_own(tmp_path: Path) -> None:
    options = Options(
        run_folder=tmp_path,
        gateway_port=0,
        gateway_tls_port=ports.free(1)[0],
        postgres_url="postgresql://admin:hidden@db:5432/postgres",
        broker_url="amqp://mq/",
    )
    options.folder.make()
    secure = plan.make(options)

    children.write_configuration(secure)

    listeners = json.loads(secure.folder.gateway.read_text())["static_resources"]["listeners"]
    assert [each["name"] for each in listeners] == ["public", "public_tls", "status"]
    assert secure.keys.certificate.exists()
