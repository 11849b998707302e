"""When a node is left and when it is taken again: by HAProxy's checks, and by what nginx learns from requests."""

import re
import signal
import time

import pytest

from balancers import Nginx
from checks import PATIENCE, eventually
from roost_clients import NativeClient
from test_balancers import client, fresh, place_of  # noqa: F401

# Times of fractions of a second are what is tested.
pytestmark = pytest.mark.alone

NAMES = {"node-1", "node-2", "node-3"}
EVERY = 0.4
TIMES = {"LB_CHECK_INTERVAL": "400ms", "LB_CHECK_TIMEOUT": "5s"}


def requests_of(node):
    """HTTP requests that a node has answered, without this one."""
    return int(re.search(r"^roost_http_requests_total (\d+)$", node.http.get("/metrics").text, re.MULTILINE)[1])


def test_a_killed_node_is_left_after_two_checks_and_taken_again_after_five(cluster, balance):
    """health check: unhealthy 2, healthy 5"""
    balancer = balance(**TIMES)
    eventually(lambda: balancer.up() == NAMES, what="the place without a node to be known as such")
    killed = time.monotonic()
    cluster.kill(0)
    eventually(lambda: balancer.up() == NAMES - {"node-1"}, what="the killed node to be left")
    # Two checks, of which the first may have been due at once.
    assert EVERY * 0.9 <= time.monotonic() - killed <= EVERY * 2 + 1 * PATIENCE
    # All that this node is asked until it is taken are checks; the first may find it not ready yet, and one more may come
    # until it is asked how many there were.
    node = cluster.launch(0)
    eventually(lambda: "node-1" in balancer.up(), timeout=10, what="the node to be taken again")
    checks = requests_of(node)
    assert 5 <= checks <= 7, f"taken again after {checks} checks"
    cluster.marks[0] = NativeClient(node)
    assert {cluster.place_of(fresh(balancer)) for _ in range(30)} == {0, 1, 2}


def test_a_draining_node_is_left_and_keeps_its_connections_until_it_sends_them_away(cluster, balance, client):  # noqa: F811
    """/ready turns 503; health checks leave the node; clients notice nothing before they are told"""
    cluster.restart(0, "--drain-delay", "3s")
    balancer = balance(LB_STICKY="off", **TIMES)
    eventually(lambda: balancer.up() == NAMES, what="all nodes to be taken, and the place without one not")
    clients = [client(balancer) for _ in range(6)]
    here = [one for one in clients if place_of(cluster, one) == 0]
    assert here
    node = cluster.nodes[0]
    node.process.send_signal(signal.SIGTERM)
    eventually(lambda: balancer.up() == NAMES - {"node-1"}, timeout=2, what="the draining node to be left")
    for one in here:
        one.ping()
    assert {cluster.place_of(fresh(balancer)) for _ in range(10)} == {1, 2}
    for one in here:
        assert one.expect_close(timeout=10)[0] == 4001
    assert node.wait() == 0
    cluster.nodes[0] = None


def test_a_node_that_does_not_answer_its_checks_in_time_is_left(cluster, balance):
    """health check: timeout 5 s"""
    balancer = balance(LB_CHECK_INTERVAL="400ms", LB_CHECK_TIMEOUT="300ms", LB_CHECK_RISE="1")
    eventually(lambda: balancer.up() == NAMES, what="the place without a node to be known as such")
    process = cluster.nodes[0].process
    process.send_signal(signal.SIGSTOP)
    try:
        eventually(lambda: balancer.up() == NAMES - {"node-1"}, what="the frozen node to be left")
    finally:
        process.send_signal(signal.SIGCONT)
    eventually(lambda: balancer.up() == NAMES, what="the node to be taken again")


def test_nginx_leaves_a_killed_node_alone_after_two_failures_and_tries_it_again(cluster, balance):
    """The same as far as nginx goes: it asks no node by itself."""
    balancer = balance(Nginx, LB_STICKY="off", LB_CHECK_INTERVAL="3s")
    refused = "connect() failed (111: Connection refused) while connecting to upstream, client"
    address = cluster.addresses[0]
    cluster.kill(0)
    for _ in range(60):
        assert fresh(balancer).status_code == 200
    failures = [line for line in balancer.log().splitlines() if refused in line and f"http://{address}/" in line]
    assert 2 <= len(failures) <= 4, f"{len(failures)} requests were made to a node that is gone"
    cluster.start(0)
    eventually(lambda: cluster.place_of(fresh(balancer)) == 0, timeout=10, what="the node to be asked again")
