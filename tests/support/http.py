"""Calls by HTTP, as a REST caller makes them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PATIENCE = 70.0


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which must be JSON by its type too."""
        assert self.headers["content-type"] == "application/json", self.body
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        """The reason of the `ErrorInfo` in an error's body."""
        kind = "type.googleapis.com/google.rpc.ErrorInfo"
        return str(next(detail["reason"] for detail in self.json["details"] if detail["@type"] == kind))


def call(address: str, verb: str, path: str, body: object = None, *, headers: Mapping[str, str]) -> Reply:
    """One call to host:port. A body that isn't bytes goes as JSON; a header with an empty value is left out."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body, ensure_ascii=False).encode()
    kind = {} if body is None else {"content-type": "application/json"}
    sent = {name: value for name, value in {**kind, **headers}.items() if value}
    connection = http.client.HTTPConnection(address, timeout=_PATIENCE)
    try:
        connection.request(verb, path, data, sent)
        answer = connection.getresponse()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()
