"""Two planes: nodes that answer requests, and nodes that hold WebSockets (contract, section 1); behind one address, and each
behind a load balancer of its own."""

import contextlib
import re
import typing

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


class Front(typing.NamedTuple):
    """Where clients go with requests, where with WebSockets, and what the places that take requests are called."""

    requests: HAProxy
    sockets: HAProxy
    names: tuple


@pytest.fixture(params=["one for both", "one for each"])
def front(planes, tmp_path, request):
    """The load balancers: haproxy-planes.cfg before both planes, or haproxy.cfg before each."""
    with contextlib.ExitStack() as running:
        def start(name, nodes, **options):
            balancer = HAProxy(tmp_path / name, nodes, LB_CHECK_INTERVAL="400ms", **options)
            running.callback(balancer.stop)
            return balancer

        http, sockets = planes.addresses[:2], planes.addresses[2:]
        if request.param == "one for both":
            both = start("balancer", [], config="haproxy-planes.cfg", LB_HTTP_1=http[0], LB_HTTP_2=http[1],
                         LB_SOCKET_1=sockets[0], LB_SOCKET_2=sockets[1])
            yield Front(both, both, ("http-1", "http-2"))
        else:
            pair = start("http", [*http, "", ""]), start("sockets", [*sockets, "", ""])
            yield Front(*pair, ("node-1", "node-2"))


def answered(node):
    """HTTP requests that a node has answered so far."""
    return int(re.search(r"^roost_http_requests_total (\d+)$", node.http.get("/metrics").text, re.MULTILINE)[1])


def test_each_plane_is_asked_for_what_is_its_own(planes, front, client):  # noqa: F811
    """HTTP load balancer → HTTP nodes; WebSocket load balancer → WebSocket nodes"""
    assert {place_of(planes, client(front.sockets)) for _ in range(8)} == set(SOCKETS)
    before = [answered(planes.nodes[place]) for place in HTTP]
    for _ in range(10):
        assert fresh(front.requests, "/rooms").status_code == 200
        assert "<html" in fresh(front.requests, "/", headers={"Accept": "text/html"}).text
    for place, count in zip(HTTP, before):
        # Half of twenty, if they are led to both in turn.
        assert answered(planes.nodes[place]) - count >= 10
    # Those who hold connections are asked for what stands in for WebSockets, too; checks alone would be fewer.
    for path in ("/events", "/poll", "/socket.io/"):
        before = [answered(planes.nodes[place]) for place in SOCKETS]
        for _ in range(20):
            fresh(front.sockets, path)
        for place, count in zip(SOCKETS, before):
            assert answered(planes.nodes[place]) - count >= 10, path


def test_what_one_plane_is_told_the_other_hears(front, client, room, alice, bob):  # noqa: F811
    reader = client(front.sockets, user=bob)
    reader.join(room)
    answer = front.requests.http.post(f"/rooms/{room}/messages", params={"user": alice}, json={"content": "hello"})
    assert answer.status_code == 201
    assert reader.hear(room).payload["content"] == "hello"

    def members():
        answer = front.requests.http.get(f"/rooms/{room}/presence").json()
        return [member["user"] for member in answer["members"]]

    eventually(lambda: members() == [bob], what="the other plane to know who is there")


def test_a_plane_loses_a_node_and_the_other_does_not_notice(planes, front, client):  # noqa: F811
    assert front.requests.up() == set(front.names)
    planes.kill(0)
    planes.kill(2)
    for _ in range(10):
        assert fresh(front.requests, "/rooms").status_code == 200
    assert {place_of(planes, client(front.sockets)) for _ in range(4)} == {3}
    eventually(lambda: front.requests.up() == {front.names[1]}, what="the killed node to be left")
