"""Who was enrolled, and what is known of them: the values that no telemetry may tell."""

from __future__ import annotations

from collections.abc import Iterator

from cli.demo.scene import Json, Scene

_PAGE = "1000"
_COLLECTIONS = {
    "members": ("displayName", "phone", "email"),
    "leads": ("displayName", "companyName", "phone", "email"),
    "contacts": ("displayName", "phone", "email"),
}


def personal_values(scene: Scene) -> set[str]:
    """Names, phone numbers and addresses of everybody in the suite, as its own API tells them."""
    return {
        str(each[field])
        for collection, fields in _COLLECTIONS.items()
        for each in _all(scene, collection)
        for field in fields
        if each.get(field)
    }


def _all(scene: Scene, collection: str) -> Iterator[Json]:
    token = ""
    while True:
        page = scene.get(collection, pageSize=_PAGE, **({"pageToken": token} if token else {}))
        yield from page.get(collection, [])
        token = str(page.get("nextPageToken", ""))
        if not token:
            return
