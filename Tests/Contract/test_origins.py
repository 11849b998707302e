"""Origins and anonymous mode (contract, section 5)."""

import pytest

from raw_socket import upgrade_status
from roost_node import Node, run

LISTED = "https://app.example,https://other.example:8443"


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """A node with a list of allowed origins."""
    node = Node(tmp_path_factory.mktemp("listed"), "--allowed-origins", LISTED)
    yield node
    node.stop()


def test_no_origin_passes(node):
    """a request without `Origin` is no browser's and passes"""
    assert upgrade_status(node) == 101


def test_same_origin_passes(node):
    """default: same origin"""
    assert upgrade_status(node, Origin=node.url) == 101


@pytest.mark.parametrize("origin", ["http://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:3000",
                                    "https://localhost", "http://127.0.0.1"])
def test_any_loopback_origin_passes(node, origin):
    """and in anonymous loopback mode any loopback origin"""
    assert upgrade_status(node, Origin=origin) == 101


@pytest.mark.parametrize("origin", [
    "http://evil.example", "https://evil.example:8080", "http://localhost.evil.example",
    "http://127.0.0.1.evil.example", "http://evil.example/127.0.0.1", "http://localhost@evil.example", "nonsense",
    "http://", "file://",
])
def test_other_origins_get_403(node, origin):
    """a bad origin gets 403"""
    assert upgrade_status(node, Origin=origin) == 403


def test_null_must_be_named(node, start_node):
    """`null` must be named"""
    assert upgrade_status(node, Origin="null") == 403
    assert upgrade_status(start_node("--allowed-origins", "null"), Origin="null") == 101


@pytest.mark.parametrize("origin", ["https://app.example", "https://other.example:8443"])
def test_listed_origins_pass(listed, origin):
    """Browser origins are checked by host and port against `--allowed-origins`"""
    assert upgrade_status(listed, Origin=origin) == 101
    response = listed.http.get("/rooms", headers={"Origin": origin})
    assert response.headers["Access-Control-Allow-Origin"] == origin


@pytest.mark.parametrize("origin", ["https://app.example:8443", "https://other.example", "https://evil.example",
                                    "https://app.example.evil.example", "https://sub.app.example", "null"])
def test_unlisted_origins_get_403(listed, origin):
    """checked by host and port"""
    assert upgrade_status(listed, Origin=origin) == 403
    response = listed.http.get("/rooms", headers={"Origin": origin})
    assert response.headers.get("Access-Control-Allow-Origin") is None


def test_without_subprotocol_too(node):
    """Browser origins are checked: whichever dialect they ask for"""
    for subprotocol in (None, "roost.simple", "roost.v1.json"):
        assert upgrade_status(node, Origin="http://evil.example", Sec_WebSocket_Protocol=subprotocol) == 403


def test_anonymous_mode_binds_loopback_only():
    """Anonymous mode binds loopback only; any other address needs `--auth jwt` … or an explicit
    `--allow-anonymous`: 78"""
    result = run("serve", "--host", "0.0.0.0", "--port", "0", "--store", "memory:")
    assert result.returncode == 78
    assert result.stdout == ""
    assert "allow-anonymous" in result.stderr


def test_allow_anonymous(start_node):
    """or an explicit `--allow-anonymous`"""
    node = start_node("--host", "0.0.0.0", "--allow-anonymous")
    assert node.http.get(f"http://127.0.0.1:{node.port}/health").status_code == 200


def test_listens_on_loopback_by_default(node):
    """It listens on `127.0.0.1:8080` unless told otherwise."""
    assert node.host == "127.0.0.1"
