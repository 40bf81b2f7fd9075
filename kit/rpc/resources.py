"""What kind of resource a name belongs to, as the protos declare it (`google.api.resource`)."""

from __future__ import annotations

import sys
from functools import lru_cache

from google.api import resource_pb2


def type_of(name: str) -> str:
    """The type of a resource by its name: `members.kehu.dev/Member` for `members/{member}`. A name that no proto of
    this process declares is of the type that its last collection is called."""
    shape = _shape(name)
    return _types(len(sys.modules)).get(shape) or next((part for part in reversed(shape) if part != _ANY), "")


_ANY = "*"


def _shape(name: str) -> tuple[str, ...]:
    """The collections of a name or a pattern, with a star for each id between them."""
    return tuple(_ANY if at % 2 else part for at, part in enumerate(name.split("/")))


@lru_cache(maxsize=1)
def _types(_modules_loaded: int) -> dict[tuple[str, ...], str]:
    """The types of all protos that this process has loaded, which are those of its service and its peers; looked for
    anew when it has loaded more."""
    modules = [module for name, module in sys.modules.items() if name.startswith("kehu.") and name.endswith("_pb2")]
    messages = [message for module in modules for message in module.DESCRIPTOR.message_types_by_name.values()]
    declared = [message.GetOptions().Extensions[resource_pb2.resource] for message in messages]
    return {_shape(pattern): resource.type for resource in declared for pattern in resource.pattern}
