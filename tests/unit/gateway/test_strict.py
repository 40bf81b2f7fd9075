"""The tables of the filter that refuses unknown members; how it uses them is tested in a running gateway."""

from __future__ import annotations

from gateway import api, strict
from tests.unit.gateway.api_of import api_of

SHOP = """
service ShopService {
  rpc CreateThing(CreateThingRequest) returns (Thing) {
    option (google.api.http) = {post: "/v1/{parent=shops/*}/things" body: "thing"};
  }
  rpc TurnThing(TurnThingRequest) returns (Thing) {
    option (google.api.http) = {post: "/v1/{name=things/*}:turn" body: "*"};
  }
  rpc NameThing(NameThingRequest) returns (Thing) {
    option (google.api.http) = {put: "/v1/{name=things/*}" body: "display_name"};
  }
  rpc GetThing(TurnThingRequest) returns (Thing) { option (google.api.http) = {get: "/v1/{name=things/*}"}; }
}
message Thing {
  string display_name = 1;
  repeated Thing parts = 2;
  map<string, Thing> named = 3;
  map<string, string> labels = 4;
  google.protobuf.Struct extra = 5;
  google.protobuf.Timestamp create_time = 6;
}
message CreateThingRequest { string parent = 1; Thing thing = 2; }
message TurnThingRequest { string name = 1; }
message NameThingRequest { string name = 1; string display_name = 2; }
"""


def tables() -> tuple[str, str]:
    descriptors = api_of(SHOP)
    methods, types, *_ = strict.program(api.services(descriptors), descriptors).splitlines()
    return methods, types


def test_the_type_of_a_body_is_found_by_verb_and_path() -> None:
    methods, _ = tables()

    shops = '["shops"]={["*"]={["things"]={["$"]="kehu.shop.v1.Thing"}}}'
    things = '["things"]={["*"]={[":turn"]="kehu.shop.v1.TurnThingRequest"}}'
    assert methods == f'local METHODS = {{["POST"]={{["v1"]={{{shops},{things}}}}}}}'


def test_members_are_known_under_both_spellings() -> None:
    _, types = tables()

    assert '["displayName"]=1,["display_name"]=1' in types


def test_lists_and_maps_of_messages_are_looked_into() -> None:
    _, types = tables()

    assert '["named"]={"kehu.shop.v1.Thing"},["parts"]="kehu.shop.v1.Thing"' in types


def test_free_forms_and_well_known_types_are_not_looked_into() -> None:
    _, types = tables()

    assert '["createTime"]=1' in types
    assert '["extra"]=1,["labels"]={1}' in types
    assert "google.protobuf" not in types
