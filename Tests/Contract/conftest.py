"""What the tests are given: nodes, clients, and names that no other test uses."""

import uuid

import pytest

import certificates
from checks import eventually
from raw_socket import RawWebSocket
from redis_server import RedisServer
from roost_clients import NativeClient, SimpleClient
from roost_node import Node
from tokens import SECRET, bearer, mint


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    """A node with its defaults and a store in memory, shared by all tests."""
    node = Node(tmp_path_factory.mktemp("node"))
    yield node
    assert node.stop() == 0, f"the shared node did not end well:\n{node.stderr()[-2000:]}"


@pytest.fixture(scope="session")
def sqlite_node(tmp_path_factory):
    """A node with its defaults and a SQLite store, shared by all tests."""
    directory = tmp_path_factory.mktemp("sqlite-node")
    node = Node(directory, store=f"sqlite:{directory}/roost.db")
    yield node
    assert node.stop() == 0, f"the shared node did not end well:\n{node.stderr()[-2000:]}"


@pytest.fixture(params=["memory", "sqlite"])
def either_node(request):
    """The shared node of each store in turn."""
    return request.getfixturevalue("node" if request.param == "memory" else "sqlite_node")


@pytest.fixture
def start_node(tmp_path):
    """Starts nodes of this test's own: start_node(*flags, store=…, env=…)."""
    nodes = []

    def start(*args, **options):
        node = Node(tmp_path, *args, **options)
        nodes.append(node)
        return node

    yield start
    for node in nodes:
        node.kill9()


@pytest.fixture
def start_with(start_node, tmp_path):
    """Starts nodes of this test's own with a configuration file: start_with(text, *flags, store=…)."""
    def start(text, *args, **options):
        path = tmp_path / "roost.yaml"
        path.write_text(text)
        return start_node("--config", str(path), *args, **options)

    return start


@pytest.fixture(scope="session")
def jwt_node(tmp_path_factory):
    """A node that wants tokens, with a store in memory, shared by all tests."""
    directory = tmp_path_factory.mktemp("jwt-node")
    node = Node(directory, "--auth", "jwt", "--jwt-secret", SECRET, "--auth-timeout", "1s")
    yield node
    assert node.stop() == 0, f"the shared node did not end well:\n{node.stderr()[-2000:]}"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate and its key, for loopback."""
    return certificates.make(tmp_path_factory.mktemp("certificate"), "roost")


@pytest.fixture(scope="session")
def tls_node(tmp_path_factory, certificate):
    """A node that speaks TLS, with a store in memory, shared by all tests."""
    node = Node(tmp_path_factory.mktemp("tls-node"), "--rate-limit-messages", "0", tls=certificate)
    yield node
    assert node.stop() == 0, f"the shared node did not end well:\n{node.stderr()[-2000:]}"


@pytest.fixture
def sqlite(tmp_path):
    """The address of a SQLite store of this test's own."""
    return f"sqlite:{tmp_path}/test.db"


def _factory(kind, default_node, request):
    opened = []

    def open_client(node=None, **options):
        client = kind(node or request.getfixturevalue(default_node), **options)
        opened.append(client)
        return client

    return open_client, opened


@pytest.fixture
def native(request):
    """Opens native connections: native(), native(user="alice"), native(some_node)."""
    open_client, opened = _factory(NativeClient, "node", request)
    yield open_client
    for client in opened:
        client.close()


@pytest.fixture
def signed(native, jwt_node):
    """Opens native connections with a token: signed("alice", rooms=…, name=…, exp=…)."""
    return lambda sub, node=None, **claims: native(node or jwt_node, headers=bearer(mint(sub, **claims)))


@pytest.fixture
def simple(request):
    """Opens connections of the simple dialect, as `native` does."""
    open_client, opened = _factory(SimpleClient, "node", request)
    yield open_client
    for client in opened:
        client.close()


@pytest.fixture
def raw(request):
    """Opens WebSockets whose frames are made by hand, as `native` does."""
    open_client, opened = _factory(RawWebSocket, "node", request)
    yield open_client
    for client in opened:
        client.close()


@pytest.fixture
def name():
    """Makes names that no other test uses: name("room")."""
    return lambda prefix="n": f"{prefix}-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def room(name):
    """The name of a room that no other test uses."""
    return name("room")


@pytest.fixture
def alice(name):
    """The id of a user that no other test uses."""
    return name("alice")


@pytest.fixture
def bob(name):
    """The id of another user that no other test uses."""
    return name("bob")


@pytest.fixture
def http(node):
    return node.http


@pytest.fixture
def bystander(node):
    """A client that is connected all the while, and must not notice anything."""
    client = NativeClient(node)
    client.join("bystanders")
    yield client
    client.ping()
    message_id = client.send("message", {"room": "bystanders", "content": "still here"})
    assert client.hear("bystanders")["messageId"] == message_id
    client.close()
    assert node.http.get("/health").status_code == 200


@pytest.fixture
def redis(tmp_path):
    """A real Redis of this test's own."""
    server = RedisServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def cluster(start_node, sqlite, redis):
    """Starts a node of a cluster on one file and one Redis; it is connected to that when it is returned."""

    def start(*args):
        unhurried = [] if "--rate-limit-messages" in args else ["--rate-limit-messages", "0"]
        node = start_node(*unhurried, "--bus", redis.url, *args, store=sqlite)
        eventually(lambda: node.http.get("/health").json()["redis_connected"], what="the node to reach Redis")
        return node

    return start
