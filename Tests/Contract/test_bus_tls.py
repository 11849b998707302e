"""`--bus rediss://…?ca=FILE`: TLS to Redis with an authority of one's own (contract, section 1)."""

import pytest

import certificates
from checks import eventually
from redis_server import RedisServer, free_port
from roost_node import run


@pytest.fixture
def authority(tmp_path):
    return certificates.make(tmp_path / "ca of mine", "root", is_authority=True)


@pytest.fixture
def secure(tmp_path, authority):
    """A Redis that speaks TLS on `secure.tls_port`."""
    leaf = certificates.make(tmp_path / "leaf", "leaf", issuer=authority)
    port = free_port()
    server = RedisServer(
        tmp_path, "--tls-port", str(port), "--tls-cert-file", str(leaf.cert), "--tls-key-file", str(leaf.key),
        "--tls-ca-cert-file", str(authority.cert), "--tls-auth-clients", "no")
    server.tls_port = port
    yield server
    server.stop()


def test_an_authority_is_trusted_that_is_named(start_node, sqlite, secure, authority, native, room):
    """`?ca=FILE`"""
    bus = f"rediss://127.0.0.1:{secure.tls_port}?ca={str(authority.cert).replace(' ', '%20')}"
    nodes = [start_node("--bus", bus, store=sqlite) for _ in range(2)]
    for node in nodes:
        eventually(lambda node=node: node.http.get("/health").json()["redis_connected"], what="Redis to be reached")
    reader = native(nodes[1])
    reader.join(room)
    native(nodes[0]).publish(room, "hello")
    assert reader.hear(room, timeout=1)["payload"]["content"] == "hello"


def test_without_it_the_certificate_is_not_believed(start_node, sqlite, secure):
    node = start_node("--bus", f"rediss://127.0.0.1:{secure.tls_port}", store=sqlite)
    assert node.http.get("/health").json()["redis_connected"] is False
    assert "CERTIFICATE_VERIFY_FAILED" in node.stderr()


def test_another_authority_is_not_believed(start_node, sqlite, secure, tmp_path):
    other = certificates.make(tmp_path / "other", "root", is_authority=True)
    node = start_node("--bus", f"rediss://127.0.0.1:{secure.tls_port}?ca={other.cert}", store=sqlite)
    assert node.http.get("/health").json()["redis_connected"] is False
    assert "CERTIFICATE_VERIFY_FAILED" in node.stderr()


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_file_that_is_none_is_named_in_one_sentence(tmp_path, sqlite, content):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    ended = run("serve", "--port", "0", "--store", sqlite, "--bus", f"rediss://127.0.0.1:1?ca={path}")
    assert ended.returncode == 78 and ended.stderr.count("\n") == 1
    assert f"{path}, which --bus names behind ?ca=" in ended.stderr
