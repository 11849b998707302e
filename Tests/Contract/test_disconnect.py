"""`POST /users/{user}/disconnect`: a moderator sends a user away, from all nodes (contract, sections 2 and 3)."""

import signal

import pytest

from checks import PATIENCE, assert_problem, eventually
from tokens import SECRET, bearer, mint

USUAL = "You were disconnected by a moderator."


def disconnect(node, user, body=None, **options):
    return node.http.post(f"/users/{user}/disconnect", json=body, **options)


def closed(client):
    return client.expect_close(timeout=5)


def test_all_connections_of_a_user_are_closed(node, native, simple, room, alice, bob):
    """4504 disconnected by a moderator or server; the reason is one plain sentence"""
    mine = [native(user=alice), native(user=alice), simple(user=alice)]
    other = native(user=bob)
    mine[0].join(room)
    other.join(room, presence=True)
    answer = disconnect(node, alice, {"reason": "Spam is not welcome here."})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"user": alice, "connections": 3, "nodes": 1}
    for client in mine:
        assert closed(client) == (4504, "Spam is not welcome here.")
    assert other.expect("user_left").payload["user"] == alice
    other.ping()


def test_the_user_may_come_back(node, native, alice):
    client = native(user=alice)
    assert disconnect(node, alice).json()["connections"] == 1
    assert closed(client) == (4504, USUAL)
    native(user=alice).ping()


def test_nobody_there_is_no_error(node, alice):
    assert disconnect(node, alice, {}).json() == {"user": alice, "connections": 0, "nodes": 1}


def test_what_was_acked_before_is_kept(node, native, room, alice):
    client = native(user=alice)
    assert client.publish(room, "last words")["seq"] == 1
    disconnect(node, alice)
    assert [entry["content"] for entry in node.http.get(f"/rooms/{room}/messages").json()] == ["last words"]


@pytest.mark.parametrize("reason", ["", "x" * 124, "two\nlines", 7, None, ["x"]])
def test_a_reason_is_one_line_that_fits_a_close_frame(node, native, alice, reason):
    client = native(user=alice)
    answer = disconnect(node, alice, {"reason": reason})
    if reason is None:
        assert answer.json()["connections"] == 1
    else:
        is_text = isinstance(reason, str)
        assert_problem(answer, 422 if is_text else 400, "invalid" if is_text else "bad_frame")
        client.ping()
    assert disconnect(node, alice, {"reason": "x" * 123}).json()["connections"] == (0 if reason is None else 1)


def test_only_servers_and_moderators_of_users_may(start_node, native, alice, bob):
    """moderation is for those whose token says so"""
    node = start_node("--auth", "jwt", "--jwt-secret", SECRET)
    client = native(node, headers=bearer(mint(alice)))

    def attempt(user=alice, **claims):
        return disconnect(node, user, headers=bearer(mint("mod", **claims)))

    def rights(match, *can):
        return [{"match": match, "can": can}]

    everything = ["join", "publish", "history", "presence", "moderate"]
    for rooms in (
        None, rights("*", *everything), rights("user:*", "join", "publish"), rights(f"user:{bob}", "moderate"),
    ):
        assert_problem(attempt(rooms=rooms), 403, "forbidden")
    assert_problem(disconnect(node, alice), 401, "unauthenticated")
    assert_problem(disconnect(node, alice, headers=bearer(mint(alice))), 403, "forbidden")
    client.ping()
    assert attempt(rooms=rights(f"user:{alice}", "moderate")).json()["connections"] == 1
    assert closed(client) == (4504, USUAL)
    native(node, headers=bearer(mint(alice)))
    assert attempt(rooms=rights("user:*", "moderate")).json()["connections"] == 1


def test_who_names_itself_is_no_server(node, native, alice):
    """Without sign-in, whoever names no user is a server."""
    client = native(user=alice)
    assert_problem(disconnect(node, alice, params={"user": alice}), 403, "forbidden")
    client.ping()


# Over several nodes.


def test_the_user_is_disconnected_from_every_node(cluster, native, alice, bob):
    """closes all of the user's connections on all nodes, and says how many"""
    nodes = [cluster() for _ in range(3)]
    eventually(lambda: all(n.http.get("/health").json()["nodes"] == 3 for n in nodes), what="the nodes to meet")
    mine = [native(node, user=alice) for node in nodes for _ in range(2)]
    others = [native(node, user=bob) for node in nodes]
    answer = disconnect(nodes[1], alice, {"reason": "Good night."})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"user": alice, "connections": 6, "nodes": 3}
    for client in mine:
        assert closed(client) == (4504, "Good night.")
    for client in others:
        client.ping()
    native(nodes[0], user=alice).ping()


def test_one_that_has_only_just_come_is_found_too(cluster, native, alice):
    """at once: a node that the user has just come to need not have told of it"""
    nodes = [cluster() for _ in range(2)]
    eventually(lambda: all(n.http.get("/health").json()["nodes"] == 2 for n in nodes), what="the nodes to meet")
    for _ in range(20):
        client = native(nodes[0], user=alice)
        assert disconnect(nodes[1], alice).json()["connections"] == 1
        assert closed(client)[0] == 4504


def test_without_the_bus_it_is_said_what_was_not_done(cluster, redis, native, alice):
    """Redis away: this node's are closed, and the answer is `unavailable`"""
    nodes = [cluster() for _ in range(2)]
    near, far = (native(node, user=alice) for node in nodes)
    redis.kill()
    eventually(lambda: not nodes[0].http.get("/health").json()["redis_connected"], what="the loss to be noticed")
    problem = assert_problem(disconnect(nodes[0], alice), 503, "unavailable")
    assert "1 connections were closed" in problem["detail"] and "bus is away" in problem["detail"]
    assert closed(near)[0] == 4504
    far.ping()
    redis.start()
    for node in nodes:
        eventually(
            lambda node=node: node.http.get("/health").json()["redis_connected"], timeout=20,
            what="Redis to be reached")
    assert eventually(lambda: disconnect(nodes[0], alice).status_code == 200, timeout=20, what="both to be reached")
    assert closed(far)[0] == 4504


def test_a_node_that_does_not_answer_is_named(cluster, native, alice):
    """one that is frozen has not closed anything"""
    nodes = [cluster() for _ in range(2)]
    eventually(lambda: all(n.http.get("/health").json()["nodes"] == 2 for n in nodes), what="the nodes to meet")
    near, far = (native(node, user=alice) for node in nodes)
    nodes[1].process.send_signal(signal.SIGSTOP)
    try:
        problem = assert_problem(disconnect(nodes[0], alice, timeout=20 * PATIENCE), 503, "unavailable")
    finally:
        nodes[1].process.send_signal(signal.SIGCONT)
    assert "not every node has answered" in problem["detail"]
    assert closed(near)[0] == 4504
    # It was told, and does it when it goes on.
    assert closed(far)[0] == 4504
