"""A minute in the life of a cluster: 30 publishers and 60 readers behind HAProxy, while Redis restarts, a node is killed
and one is added. Every acked message is heard once, in the same order, by every reader that stayed or resumed.

MINUTE_SECONDS says how long it lasts (15), MINUTE_SPEED by how much the publishers' rates are multiplied (1),
MINUTE_BYTES how much longer each message is than it need be (0).
"""

import asyncio
import os

import pytest

from checks import eventually, read_backwards
from cluster import Cluster
from crowd import Crowd, story
from test_dynamodb import CREDENTIALS, Emulator, url

pytestmark = pytest.mark.alone

SECONDS = float(os.environ.get("MINUTE_SECONDS", "15"))
SPEED = float(os.environ.get("MINUTE_SPEED", "1"))
PADDING = int(os.environ.get("MINUTE_BYTES", "0"))
# Messages a second of each publisher. The emulator answers one request at a time and needs some milliseconds for each.
RATES = {"sqlite": 2.0, "dynamodb": 0.3}


@pytest.fixture
def emulator():
    emulator = Emulator()
    try:
        eventually(emulator.listens, timeout=60, what="the emulator to listen")
        yield emulator
    finally:
        emulator.stop()


@pytest.fixture(params=["sqlite", "dynamodb"])
def minute(request, tmp_path, room):
    """Three nodes on each store in turn, and how many messages a second a publisher may ask of it."""
    options = {}
    if request.param == "dynamodb":
        port = request.getfixturevalue("emulator").port
        options = {"store": url(port, room), "env": CREDENTIALS}
    cluster = Cluster(tmp_path, **options)
    yield cluster, RATES[request.param] * SPEED
    cluster.stop()


def connections(node):
    return node.http.get("/health").json()["connections"]


def test_every_acked_message_is_heard_once_by_all_in_one_order(minute, balance_before, room):
    cluster, rate = minute
    balancer = balance_before(cluster, LB_CHECK_INTERVAL="500ms")
    crowd = Crowd(balancer.socket_url, room, publishers=30, readers=60, rate=rate, padding=PADDING)

    def kill_a_node():
        # With those of its clients; one is the cluster's own.
        assert all(connections(node) > 10 for node in cluster.nodes[:3])
        cluster.kill(0)

    def add_a_node():
        cluster.start(3)
        eventually(lambda: "node-4" in balancer.up(), timeout=10, what="the new node to be taken")

    def some_change_places():
        crowd.send_away(20)
        eventually(lambda: connections(cluster.nodes[3]) > 1, timeout=10, what="a client on the new node")

    asyncio.run(crowd.during(story([
        (SECONDS * 0.15, cluster.redis.kill),
        (SECONDS * 0.35, cluster.redis.start),
        (SECONDS * 0.5, kill_a_node),
        (SECONDS * 0.65, add_a_node),
        (SECONDS * 0.8, some_change_places),
        (SECONDS, lambda: None),
    ])))
    history = [(entry["seq"], entry["messageId"]) for entry in read_backwards(cluster.nodes[1].http, room)]
    account = crowd.account(history)
    print(account)
    assert account.problems == []
    assert account.acked == account.stored, "a message is in the log though its publisher never stopped without an ack"
    assert account.resumed >= 20
    assert account.acked >= 30 * rate * SECONDS / 2, "publishers stood still for more than half of the time"
