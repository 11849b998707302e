"""`--planes`: nodes for HTTP and nodes for WebSockets (contract, section 1)."""

import pytest

from checks import PATIENCE, assert_problem, eventually
from raw_socket import upgrade
from roost_node import run


def test_a_node_for_http_has_no_websockets(start_node, room):
    """the other plane is refused with a problem that says who serves it"""
    node = start_node("--planes", "http", "--conformance")
    for path in ("/ws", "/echo"):
        connection, status, headers = upgrade(node, path=path)
        connection.close()
        assert status == 404
        problem = assert_problem(node.http.get(path), 404, "not_found")
        assert "--planes http" in problem["detail"] and "plane websocket" in problem["detail"]
    assert node.http.post(f"/rooms/{room}/messages", json={"content": 1}).status_code == 201
    assert node.http.get("/", headers={"Accept": "text/html"}).text.startswith("<!doctype html>")
    for path in ("/health", "/ready", "/metrics"):
        assert node.http.get(path).status_code == 200
    assert node.http.get("/health").json()["planes"] == ["http"]


def test_a_node_for_websockets_has_no_api(start_node, native, room):
    node = start_node("--planes", "websocket")
    client = native(node)
    client.join(room)
    assert client.publish(room, "hello")["seq"] == 1
    for path in ("/", "/rooms", f"/rooms/{room}/messages", "/users", "/session", "/roost.js", "/nothing"):
        problem = assert_problem(node.http.get(path), 404, "not_found")
        assert "--planes websocket" in problem["detail"] and "plane http" in problem["detail"]
    for path in (f"/rooms/{room}/messages", "/users/alice/disconnect"):
        assert_problem(node.http.post(path, json={"content": 1}), 404, "not_found")
    assert_problem(node.http.get("/ws"), 426, "upgrade_required")
    for path in ("/health", "/ready", "/metrics"):
        assert node.http.get(path).status_code == 200
    assert node.http.get("/health").json()["planes"] == ["websocket"]


@pytest.mark.parametrize("text", ["http,websocket", "websocket, http"])
def test_both_are_served_by_default_and_by_name(start_node, native, text):
    node = start_node("--planes", text)
    assert node.http.get("/health").json()["planes"] == ["http", "websocket"]
    native(node).ping()


@pytest.mark.parametrize("text, words", [
    ("", ["must be http, websocket or http,websocket"]), ("htpp", ["htpp", "http"]), ("http,http", ["twice"]),
])
def test_other_planes_are_refused(text, words):
    ended = run("serve", "--port", "0", "--planes", text)
    assert ended.returncode == 78 and ended.stderr.count("\n") == 1
    for word in ["--planes", *words]:
        assert word in ended.stderr


def test_two_planes_are_one_system(cluster, native, room, alice, bob):
    """HTTP load balancer → stateless HTTP nodes; WebSocket load balancer → WebSocket nodes"""
    api = [cluster("--planes", "http") for _ in range(2)]
    sockets = [cluster("--planes", "websocket") for _ in range(2)]
    users = [native(node, user=user) for node, user in zip(sockets, (alice, bob))]
    for client in users:
        client.join(room, presence=True)
    for number in range(10):
        answer = api[number % 2].http.post(f"/rooms/{room}/messages", json={"content": number, "senderId": "shop"})
        assert (answer.status_code, answer.json()["seq"]) == (201, number + 1)
    for client in users:
        assert [frame.payload["content"] for frame in client.hear(room, 10, timeout=PATIENCE)] == list(range(10))
    for node in api:
        present = lambda: {m["user"] for m in node.http.get(f"/rooms/{room}/presence").json()["members"]}  # noqa: E731
        eventually(lambda: present() == {alice, bob}, what="the members to be seen by a node for HTTP")
        eventually(lambda: node.http.get(f"/users/{alice}").json()["online"], what="the user to be seen")
    # And what is not logged, and what is told one user only.
    assert api[0].http.post(f"/rooms/{room}/typing", params={"user": bob}, json={"active": True}).status_code == 204
    assert users[0].expect("typing").payload["user"] == bob
    own = f"user:{alice}"
    assert api[1].http.post(f"/rooms/{own}/messages", json={"content": "yours"}).status_code == 201
    assert users[0].hear(own)["payload"]["content"] == "yours"
    # What is said by WebSocket is read by HTTP.
    users[0].publish(room, "from a socket")
    assert api[1].http.get(f"/rooms/{room}/messages").json()[-1]["content"] == "from a socket"
    # A moderator's HTTP reaches the sockets.
    assert api[0].http.post(f"/users/{bob}/disconnect").json()["connections"] == 1
    assert users[1].expect_close()[0] == 4504
