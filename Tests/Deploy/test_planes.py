"""Two planes behind one address: nodes that answer requests, and nodes that hold WebSockets (contract, section 1)."""

import re

import pytest

from balancers import HAProxy
from checks import eventually
from cluster import Cluster
from test_balancers import client, fresh, place_of  # noqa: F401

HTTP, SOCKETS = (0, 1), (2, 3)


@pytest.fixture
def planes(tmp_path):
    """Two nodes for HTTP, two for WebSockets."""
    cluster = Cluster(tmp_path, nodes=0)
    try:
        for place in HTTP:
            cluster.start(place, "--planes", "http", marked=False)
        for place in SOCKETS:
            cluster.start(place, "--planes", "websocket")
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def front(planes, tmp_path):
    balancer = HAProxy(
        tmp_path / "balancer", [], config="haproxy-planes.cfg", LB_CHECK_INTERVAL="400ms",
        LB_HTTP_1=planes.addresses[0], LB_HTTP_2=planes.addresses[1],
        LB_SOCKET_1=planes.addresses[2], LB_SOCKET_2=planes.addresses[3])
    yield balancer
    balancer.stop()


def answered(node):
    """HTTP requests that a node has answered so far."""
    return int(re.search(r"^roost_http_requests_total (\d+)$", node.http.get("/metrics").text, re.MULTILINE)[1])


def test_each_plane_is_asked_for_what_is_its_own(planes, front, client):  # noqa: F811
    """HTTP load balancer → HTTP nodes; WebSocket load balancer → WebSocket nodes"""
    assert {place_of(planes, client(front)) for _ in range(8)} == set(SOCKETS)
    before = [answered(planes.nodes[place]) for place in HTTP]
    for _ in range(10):
        assert fresh(front, "/rooms").status_code == 200
        assert "<html" in fresh(front, "/", headers={"Accept": "text/html"}).text
    for place, count in zip(HTTP, before):
        # Half of twenty, if they are led to both in turn.
        assert answered(planes.nodes[place]) - count >= 10
    # Those who hold connections are asked for what stands in for WebSockets, too; checks alone would be fewer.
    for path in ("/events", "/poll", "/socket.io/"):
        before = [answered(planes.nodes[place]) for place in SOCKETS]
        for _ in range(20):
            fresh(front, path)
        for place, count in zip(SOCKETS, before):
            assert answered(planes.nodes[place]) - count >= 10, path


def test_what_one_plane_is_told_the_other_hears(front, client, room, alice, bob):  # noqa: F811
    reader = client(front, user=bob)
    reader.join(room)
    answer = front.http.post(f"/rooms/{room}/messages", params={"user": alice}, json={"content": "hello"})
    assert answer.status_code == 201
    assert reader.hear(room).payload["content"] == "hello"
    eventually(lambda: [member["user"] for member in front.http.get(f"/rooms/{room}/presence").json()["members"]] == [bob],
               what="the other plane to know who is there")


def test_a_plane_loses_a_node_and_the_other_does_not_notice(planes, front, client):  # noqa: F811
    assert front.up() == {"http-1", "http-2"}
    planes.kill(0)
    planes.kill(2)
    for _ in range(10):
        assert fresh(front, "/rooms").status_code == 200
    assert {place_of(planes, client(front)) for _ in range(4)} == {3}
    eventually(lambda: front.up() == {"http-2"}, what="the killed node to be left")
