"""The chart's own manifests run: installed, called through the gateway, rolled out and back under load.

The tests are steps of one story and run in order, on one cluster.
"""

from collections.abc import Callable
from contextlib import closing

import grpc
import psycopg2
import pytest
from kehu.members.v1 import members_pb2 as members

from tests.cluster import images
from tests.cluster.cluster import Cluster, JobFailed
from tests.cluster.load import Load
from tests.cluster.manifests import Manifests
from tests.e2e.callers import Caller
from tests.support.rpc import Keys
from tests.support.waiting import until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800), pytest.mark.usefixtures("secrets")]

Release = Callable[[str], Manifests]
_SERVE = {"app.kubernetes.io/component": "members-serve"}
_GATEWAY = {"app.kubernetes.io/component": "gateway"}


@pytest.fixture
def caller(cluster: Cluster, keys: Keys) -> Caller:
    """Someone who calls the gateway's Service."""
    return Caller(f"{cluster.virtual['kehu-gateway']}:80", keys.bearer("admin").removeprefix("Bearer "))


@pytest.fixture
def load(caller: Caller) -> Load:
    """Callers who know one member."""
    member = caller.rest("POST", "/v1/members", {"displayName": "欧阳娜娜"}).json["name"]
    return Load(caller.address, f"Bearer {caller.token}", member)


def test_it_is_installed_the_schema_first(cluster: Cluster, release: Release, database: str) -> None:
    cluster.install(release(images.NOW))

    (migrated,) = cluster.when("kehu-members-migrate-", "ended with 0")
    assert migrated < min(cluster.when("serve", "started") + cluster.when("consume", "started"))
    assert len([pod for pod in cluster.pods if pod.ready]) == len(cluster.pods) == 6
    assert _scalar(database, "select count(*) from alembic_version") == 1


def test_its_own_test_passes(cluster: Cluster, release: Release) -> None:
    tests = [item for item in release(images.NOW).hooks("test") if item["kind"] == "Pod"]
    assert tests
    for test in tests:
        ended = cluster.job(test)
        assert "SERVING" in (ended.folder / "log").read_text()


def test_the_gateway_answers_by_rest_and_by_grpc(caller: Caller) -> None:
    enrolled = caller.rest("POST", "/v1/members", {"displayName": "欧阳娜娜"}).json
    read = caller.rest("GET", f"/v1/{enrolled['name']}").json
    request = members.GetMemberRequest(name=enrolled["name"])
    by_grpc = caller.grpc("kehu.members.v1.MembersService/GetMember", request, members.Member)

    assert read["displayName"] == by_grpc.display_name == "欧阳娜娜"


def test_it_refuses_whom_it_does_not_know(caller: Caller) -> None:
    stranger = Caller(caller.address, "no.token.atall")
    assert stranger.rest("GET", "/v1/members").status == 401
    with pytest.raises(grpc.RpcError):
        stranger.grpc("kehu.members.v1.MembersService/GetMember", members.GetMemberRequest(name="x"), members.Member)


def test_the_relay_publishes_what_was_enrolled(caller: Caller, database: str) -> None:
    caller.rest("POST", "/v1/members", {"displayName": "x"})
    until(lambda: _scalar(database, "select count(*) from outbox where published_at is null") == 0, within=60)


def test_a_new_version_rolls_out_under_load_and_no_call_fails(
    cluster: Cluster, release: Release, load: Load, database: str
) -> None:
    before = _members(database)
    told = len(cluster.story)
    with load.running():
        cluster.upgrade(release(images.NEXT))
    _report("rollout", load)

    assert load.failures == []
    assert _members(database) - before == load.calls["enroll"], "every enrolment that was answered is there, once"
    assert _scalar(database, "select count(*) from next_version") == 0
    lines = [line for _, line in cluster.story[told:]]
    assert lines.index(next(line for line in lines if "migrate" in line and "ended with 0" in line)) < lines.index(
        next(line for line in lines if "serve" in line and "started" in line)
    )
    assert {pod.container["image"] for pod in cluster.chosen(_SERVE)} == {f"localhost/kehu:{images.NEXT}"}
    assert [line for line in lines if "stopped with" in line and "stopped with 0" not in line] == []
    assert not any(pod.restarts for pod in cluster.pods)


def test_a_migration_that_fails_changes_nothing(cluster: Cluster, release: Release, load: Load) -> None:
    running = {pod.name for pod in cluster.pods}
    with load.running(), pytest.raises(JobFailed, match="division by zero"):
        cluster.upgrade(release(images.BROKEN))

    assert {pod.name for pod in cluster.pods} == running
    assert load.failures == []


def test_the_last_version_comes_back_under_load_on_the_newer_schema(
    cluster: Cluster, release: Release, load: Load, database: str
) -> None:
    with load.running():
        cluster.rollback(release(images.NOW))
    _report("rollback", load)

    assert load.failures == []
    assert {pod.container["image"] for pod in cluster.chosen(_SERVE)} == {f"localhost/kehu:{images.NOW}"}
    assert _scalar(database, "select version_num from alembic_version") == "9998"


def test_an_older_version_comes_back_by_a_rollback_only(cluster: Cluster, release: Release) -> None:
    with pytest.raises(JobFailed, match="Can't locate revision"):
        cluster.upgrade(release(images.NOW))


def test_the_gateway_itself_rolls_under_load(cluster: Cluster, release: Release, load: Load) -> None:
    manifests = release(images.NOW)
    (gateway,) = [item for item in manifests.of("Deployment") if item["metadata"]["name"] == "kehu-gateway"]
    gateway["spec"]["template"]["metadata"].setdefault("annotations", {})["kubectl.kubernetes.io/restartedAt"] = "now"
    before = {pod.name for pod in cluster.chosen(_GATEWAY)}
    with load.running():
        cluster.rollback(manifests)
    _report("restart of the gateway", load)

    assert load.failures == []
    assert not before & {pod.name for pod in cluster.chosen(_GATEWAY)}


def _members(url: str) -> int:
    return int(str(_scalar(url, "select count(*) from members")))


def _scalar(url: str, statement: str) -> object:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
        return row[0] if row else None


def _report(what: str, load: Load) -> None:
    print(f"\n{what}: {load.calls} calls, {len(load.failures)} failed, the slowest took {load.slowest:.2f} s")
    print(*load.failures, sep="\n")
