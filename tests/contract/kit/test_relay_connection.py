"""The relay's connection to its database, when it ends."""

from __future__ import annotations

import struct

import pytest

from kit.relay import outbox
from kit.relay.outbox import DATABASE_ERRORS, Outbox


async def test_a_farewell_of_the_server_that_is_read_while_nothing_is_asked_is_a_lost_database(
    database_url: str,
) -> None:
    connection = await outbox.connect(database_url, name="test relay")
    # What pg_terminate_backend makes the server say. It hangs up next; the relay may ask before it has read that.
    fields = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
    connection._protocol.data_received(b"E" + struct.pack("!I", len(fields) + 4) + fields)
    with pytest.raises(DATABASE_ERRORS):
        await Outbox(connection).pending(after=0, without=[], limit=1)
    await outbox.close(connection)
