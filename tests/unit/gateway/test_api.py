"""What the gateway reads from descriptors."""

import pytest

from gateway import api
from tests.unit.gateway.api_of import api_of

SHOP = """
service ShopService {
  rpc GetThing(Thing) returns (Thing) {
    option (google.api.http) = {get: "/v1/{name=things/*}" additional_bindings {get: "/v1/{name=stores/*/things/*}"}};
    option (kehu.options.v1.scope) = "things.read";
  }
  rpc BuyThing(Thing) returns (Thing) { option (google.api.http) = {post: "/v1/{name=things/*}:buy" body: "*"}; }
  rpc CountThings(Thing) returns (Thing);
}
message Thing { string name = 1; }
"""


def test_a_service_is_read_with_its_methods_scopes_and_paths() -> None:
    (shop,) = api.services(api_of(SHOP))

    get, buy, count = shop.rpcs
    assert (shop.name, shop.room) == ("kehu.shop.v1.ShopService", "shop")
    assert (get.path, get.scope, get.request) == (
        "/kehu.shop.v1.ShopService/GetThing",
        "things.read",
        "kehu.shop.v1.Thing",
    )
    assert [each.template.text for each in get.bindings] == ["/v1/{name=things/*}", "/v1/{name=stores/*/things/*}"]
    assert [(each.verb, each.body) for each in buy.bindings] == [("POST", "*")]
    assert count.bindings == ()


def test_only_methods_that_are_gets_are_taken_for_reads() -> None:
    (shop,) = api.services(api_of(SHOP))

    assert [rpc.name for rpc in shop.rpcs if rpc.reads] == ["GetThing"]


def test_two_methods_with_one_path_are_refused() -> None:
    twins = """
    service ShopService {
      rpc GetThing(Thing) returns (Thing) { option (google.api.http) = {get: "/v1/{name=things/*}"}; }
      rpc ReadThing(Thing) returns (Thing) { option (google.api.http) = {get: "/v1/{id=things/*}"}; }
    }
    message Thing { string name = 1; string id = 2; }
    """

    with pytest.raises(ValueError, match=r"GetThing and to /kehu.shop.v1.ShopService/ReadThing"):
        api.services(api_of(twins))


def test_the_real_api_has_four_services_and_no_clash() -> None:
    rooms = {service.room for service in api.services(api.load())}

    assert rooms == {"campaigns", "members", "orders", "pipeline"}
