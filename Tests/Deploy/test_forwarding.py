"""What arrives at a node, and when what a node says arrives: told by a server in its place that says what it was asked."""

import http.server
import json
import threading

import pytest
import requests

import certificates
from balancers import HAProxy
from checks import PATIENCE, eventually
from contract import start_node  # noqa: F401
from roost_clients import NativeClient

REQUEST = 5 * PATIENCE


@pytest.fixture
def site(tmp_path):
    """Answers with the headers it was sent; under /events with one line at once and another when it is told to go on, and
    under /slow with nothing. Under /ready it says whether it `is_ready`."""
    go_on = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.server.asked.append(self.path)
            if self.path == "/events":
                return self.tell()
            if self.path == "/refused" or self.path == "/ready" and not self.server.is_ready:
                return self.send_error(503)
            if self.path == "/slow":
                go_on.wait(REQUEST)
                # By then nobody listens any longer.
                self.close_connection = True
                return
            body = json.dumps([[name, value] for name, value in self.headers.items()]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def tell(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"data: first\n\n")
            self.wfile.write(b"data: second\n\n" if go_on.wait(REQUEST / 2) else b"data: nobody heard the first\n\n")
            self.close_connection = True

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.asked, server.is_ready = [], True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.go_on = go_on
        yield server
        go_on.set()
        server.shutdown()


@pytest.fixture
def front(site, kind, tmp_path):
    """A load balancer with that server in every node's place."""
    balancer = kind(tmp_path, [f"127.0.0.1:{site.server_port}"] * 4)
    yield balancer
    balancer.stop()


def headers(answer):
    """The headers that the server was sent, by name."""
    values = {}
    for name, value in answer.json():
        values.setdefault(name.lower(), []).append(value)
    return values


def test_a_node_is_told_who_the_client_is_and_what_it_asked_for(front):
    """client address forwarded; and nobody can pretend to be another"""
    lies = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "Origin": front.url}
    values = headers(requests.get(front.url + "/anything", headers=lies, timeout=REQUEST))
    assert values["x-forwarded-for"] == ["127.0.0.1"]
    assert values["x-forwarded-proto"] == ["http"]
    # A page may connect to its own origin; nodes compare these two.
    assert values["host"] == [f"127.0.0.1:{front.port}"]
    assert values["origin"] == [front.url]


def test_events_are_not_held_back(site, front):
    """long-poll and SSE unbuffered"""
    with requests.get(front.url + "/events", stream=True, timeout=REQUEST) as stream:
        lines = stream.iter_lines(chunk_size=1)
        assert next(lines) == b"data: first"
        site.go_on.set()
        assert [line for line in lines if line] == [b"data: second"]


def test_refused_requests_are_asked_once_and_take_no_node_away(site, front):
    """503 may be the store's: it is for the client, who is not refused anything else for it"""
    for _ in range(12):
        assert requests.get(front.url + "/refused", timeout=REQUEST).status_code == 503
    assert site.asked.count("/refused") == 12
    assert requests.get(front.url + "/anything", timeout=REQUEST).status_code == 200


def test_an_answer_that_takes_too_long_is_awaited_once(site, kind, tmp_path):
    """LB_ANSWER: so long a node has to answer any other request"""
    balancer = kind(tmp_path, [f"127.0.0.1:{site.server_port}"] * 4, LB_ANSWER="1s")
    try:
        for count in (1, 2):
            assert requests.get(balancer.url + "/slow", timeout=REQUEST).status_code == 504
            assert site.asked.count("/slow") == count
        assert requests.get(balancer.url + "/anything", timeout=REQUEST).status_code == 200
    finally:
        balancer.stop()


def test_while_no_node_is_ready_clients_are_refused_and_afterwards_they_are_not(site, tmp_path):
    """The store is away: HAProxy has no node left and says 503 itself; nodes are taken again after LB_CHECK_RISE checks"""
    places = [f"127.0.0.1:{site.server_port}", "", "", ""]
    balancer = HAProxy(tmp_path, places, LB_CHECK_INTERVAL="1s", LB_CHECK_AGAIN="100ms")
    try:
        site.is_ready = False
        eventually(lambda: requests.get(balancer.url + "/anything", timeout=REQUEST).status_code == 503, what="503")
        assert balancer.up() == set()
        checks = site.asked.count("/ready")
        site.is_ready = True
        eventually(lambda: requests.get(balancer.url + "/anything", timeout=REQUEST).status_code == 200, what="200 again")
        # One check may have been under way.
        assert site.asked.count("/ready") - checks >= 4
    finally:
        balancer.stop()


def test_places_may_be_left_out(site, kind, tmp_path):
    balancer = kind(tmp_path, [f"127.0.0.1:{site.server_port}", "", "", ""])
    try:
        for _ in range(4):
            assert requests.get(balancer.url + "/anything", timeout=REQUEST).status_code == 200
    finally:
        balancer.stop()


@pytest.fixture
def certificate(tmp_path):
    return certificates.make(tmp_path, "balancer")


def test_a_node_is_told_of_tls(site, kind, tmp_path, certificate):
    """TLS ends at the load balancer, which says so"""
    balancer = kind(tmp_path / "balancer", [f"127.0.0.1:{site.server_port}"] * 4, tls=certificate)
    try:
        values = headers(balancer.http.get("/anything", headers={"X-Forwarded-Proto": "http"}))
        assert values["x-forwarded-proto"] == ["https"]
    finally:
        balancer.stop()


def test_websockets_over_tls(kind, tmp_path, certificate, start_node, room):  # noqa: F811
    """WSS to the load balancer, WS behind it; a page of its own origin may connect"""
    node = start_node()
    balancer = kind(tmp_path / "balancer", [node.authority] * 4, tls=certificate)
    try:
        client = NativeClient(balancer, origin=f"https://127.0.0.1:{balancer.port}")
        client.join(room)
        client.publish(room, "hello")
        assert client.hear(room).payload["content"] == "hello"
        client.close()
    finally:
        balancer.stop()
