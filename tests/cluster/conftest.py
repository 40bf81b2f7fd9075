"""A release of the chart that runs: its manifests rendered by helm, its pods started with podman."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deploy.image.engine import find
from tests.cluster import images
from tests.cluster.cluster import Cluster
from tests.cluster.manifests import Manifests
from tests.cluster.network import HOST
from tests.support.postgres import Databases
from tests.support.rpc import Keys
from tools.chart import helm

VALUES = Path(__file__).with_name("values.yaml")
RELEASE = "kehu"


@pytest.fixture(scope="module")
def release() -> Callable[[str], Manifests]:
    """`release(version)`: what the chart renders to for a version of the image."""

    def render(version: str) -> Manifests:
        image = f'image={{"repository":"localhost/kehu","tag":"{version}"}}'
        return Manifests.read(helm.render(VALUES, sets=[image], release=RELEASE))

    return render


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster where nothing runs yet."""
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "images").mkdir()
    engine = find("podman")
    images.make(engine, folder / "images")
    cluster = Cluster(engine, folder)
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()
        print("\n" + "\n".join(f"{moment:9.1f} s  {line}" for moment, line in cluster.story))


@pytest.fixture(scope="module")
def database(cluster: Cluster, request: pytest.FixtureRequest) -> str:
    """An empty database beside the cluster, which its pods reach at the bridge's address."""
    postgres: Databases = request.getfixturevalue("postgres")  # only now: the network has to be there
    url = postgres.create()
    cluster.outside(HOST, 5432, ("127.0.0.1", urlsplit(url).port or 5432))
    return url


@pytest.fixture(scope="module")
def secrets(cluster: Cluster, database: str, keys: Keys, request: pytest.FixtureRequest) -> None:
    """The Secrets that the values name, as an administrator makes them."""
    rabbitmq: Callable[[], str] = request.getfixturevalue("rabbitmq")
    broker = urlsplit(rabbitmq())
    cluster.outside(HOST, 5672, ("127.0.0.1", broker.port or 5672))
    reached = urlsplit(database)._replace(netloc=f"{urlsplit(database).netloc.rpartition('@')[0]}@{HOST}:5432")
    _secret(cluster, "kehu-jwks", {"jwks.json": keys.jwks_file.read_bytes()})
    content = {
        "database-url": reached.geturl().encode(),
        "broker-url": broker._replace(netloc=f"guest:guest@{HOST}:5672").geturl().encode(),
        "page-token-key": b"a key of the tests",
        "service.pem": keys.service_key_file.read_bytes(),
        "keyring.json": keys.keyring_file.read_bytes(),
    }
    _secret(cluster, "kehu-members", content)


def _secret(cluster: Cluster, name: str, content: dict[str, bytes]) -> None:
    data = {key: base64.b64encode(value).decode() for key, value in content.items()}
    cluster.store.add({"kind": "Secret", "metadata": {"name": name}, "data": data})
