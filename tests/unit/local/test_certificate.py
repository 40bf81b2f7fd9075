"""The certificate that `make up` gives the gateway."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path

import pytest

from deploy.local import certificate


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    made = tmp_path / "gateway.crt", tmp_path / "gateway.key"
    certificate.make(*made)
    return made


def shaken(files: tuple[Path, Path], name: str) -> None:
    """A handshake in memory of a client that trusts the certificate and wants a server of that name."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*files)
    client = ssl.create_default_context(cafile=str(files[0]))
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(3):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_it_is_good_for_this_machine(files: tuple[Path, Path], name: str) -> None:
    shaken(files, name)


def test_it_is_good_for_nobody_else(files: tuple[Path, Path]) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(files, "shop.example")


def test_its_key_is_for_its_owner_alone_and_it_is_kept_while_it_is_good(files: tuple[Path, Path]) -> None:
    before = [path.read_bytes() for path in files]

    certificate.make(*files)

    assert [path.read_bytes() for path in files] == before
    assert stat.S_IMODE(files[1].stat().st_mode) == 0o600
