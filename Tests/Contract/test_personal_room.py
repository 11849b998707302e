"""`user:ID`, a user's own room: joined by itself, published to by servers only (contract, section 2)."""

import pytest

from checks import assert_problem, next_page, position


def own(user):
    return f"user:{user}"


def tell(node, owner, content, **params):
    """Publishes to a user's own room: as a server, which names no user, unless the parameters do."""
    return node.http.post(f"/rooms/{own(owner)}/messages", params=params, json={"content": content})


def told(node, user, *contents):
    for content in contents:
        response = tell(node, user, content)
        assert response.status_code == 201, response.text


def contents(frames):
    return [frame.payload["content"] for frame in frames]


def test_it_is_heard_without_joining(either_node, native, alice):
    """joined by itself"""
    client = native(either_node, user=alice)
    told(either_node, alice, {"news": 1}, "two")
    assert contents(client.hear(own(alice), 2)) == [{"news": 1}, "two"]


def test_every_connection_of_the_user_hears_it(either_node, native, alice):
    """a user's own room: on each of its connections"""
    clients = [native(either_node, user=alice) for _ in range(3)]
    told(either_node, alice, "all of you")
    for client in clients:
        assert client.hear(own(alice)).payload["content"] == "all of you"
        assert client.heard_nothing()


def test_nobody_else_hears_it(node, native, alice, bob):
    """a user's own room"""
    client, other = native(user=alice), native(user=bob)
    told(node, alice, "for alice")
    told(node, bob, "for bob")
    assert contents([client.hear(own(alice)), other.hear(own(bob))]) == ["for alice", "for bob"]
    assert client.heard_nothing() and other.heard_nothing()


def test_a_made_up_id_has_one_too(node, native):
    """gets an id made up for it: a user like any other"""
    client = native()
    told(node, client.user, "hello")
    assert client.hear(own(client.user)).payload["content"] == "hello"


def test_it_is_a_log(either_node, native, alice):
    """`seq` starts at 1 and has no gaps; the answer is the body of the native ack"""
    native(either_node, user=alice)
    acks = [tell(either_node, alice, number).json() for number in range(3)]
    assert [(ack["room"], ack["seq"], ack["duplicate"]) for ack in acks] == [
        (own(alice), 1, False), (own(alice), 2, False), (own(alice), 3, False)]


def test_only_servers_publish(node, native, alice, bob):
    """published to by servers only: in anonymous mode an HTTP publisher that names a user is none"""
    client, other = native(user=alice), native(user=bob)
    for user in (alice, bob):
        assert_problem(tell(node, alice, "from a user", user=user), 403, "forbidden")
    for sender in (client, other):
        sender.refused("message", {"room": own(alice), "content": "from a user"}, "forbidden")
    told(node, alice, "from a server")
    assert client.hear(own(alice)).payload["content"] == "from a server"
    assert client.heard_nothing()


def test_the_simple_dialect_does_not_publish_either(node, native, simple, alice, bob):
    """published to by servers only: over every way"""
    client, plain = native(user=alice), simple(user=bob)
    plain.send(type="join", room=own(alice))
    plain.expect("error")
    plain.send(action="create_message", roomId=own(alice), messageId="simple-1", content="no", senderId=bob,
               createdAt="2026-01-01T00:00:00.000Z")
    plain.expect("error")
    told(node, alice, "yes")
    assert contents([client.hear(own(alice))]) == ["yes"]


def test_others_do_not_get_in(node, native, alice, bob):
    """a user's own room: not joined, resumed, read or looked at by others"""
    native(user=alice)
    told(node, alice, "private-words")
    other, room = native(user=bob), own(alice)
    for options in ({}, {"history": 5}, {"after": position("e", 0)}):
        other.refused("join", {"room": room, **options}, "forbidden")
    other.refused("resume", {"rooms": {room: position("e", 0)}}, "forbidden")
    other.refused("history", {"room": room, "limit": 5}, "forbidden", "not_found")
    other.refused("presence", {"room": room}, "forbidden", "not_found")
    for path in (f"/rooms/{room}/messages", f"/rooms/{room}/presence", f"/rooms/{room}"):
        assert_problem(node.http.get(path, params={"user": bob}), (403, 404), ("forbidden", "not_found"))
    told(node, alice, "more-private-words")
    assert other.heard_nothing()
    assert "private-words" not in "".join(frame.raw for frame in other.log)


def test_others_do_not_see_it_listed(node, native, alice, bob):
    """a user's own room"""
    native(user=alice)
    told(node, alice, "private-words")
    response = node.http.get("/rooms", params={"user": bob, "limit": 100})
    while True:
        assert response.status_code == 200
        assert own(alice) not in {room["id"] for room in response.json()}
        assert "private-words" not in response.text
        if next_page(response) is None:
            break
        response = node.http.get(next_page(response))


def test_its_user_reads_its_history(either_node, native, alice):
    """a user's own room: history for its user"""
    client = native(either_node, user=alice)
    told(either_node, alice, "one", "two")
    page = client.request("history", {"room": own(alice), "limit": 5}, "history").payload
    assert len(page["messages"]) == 2
    response = either_node.http.get(f"/rooms/{own(alice)}/messages", params={"user": alice})
    assert [message["content"] for message in response.json()] == ["one", "two"]


def test_joining_it_with_a_position_recovers(either_node, native, alice):
    """`join {room, after?: position}`: then what was missed, in order, then live: no gap, no duplicate"""
    client = native(either_node, user=alice)
    epoch = client.join(own(alice))["epoch"]
    told(either_node, alice, 1)
    client.hear(own(alice))
    client.close()
    told(either_node, alice, 2, 3)
    client = native(either_node, user=alice)
    joined = client.join(own(alice), after=position(epoch, 1))
    assert (joined["epoch"], joined["recovered"]) == (epoch, True)
    told(either_node, alice, 4)
    assert contents(client.hear(own(alice), 3)) == [2, 3, 4]
    assert client.heard_nothing()


def test_resuming_it_recovers(either_node, native, alice, room):
    """`resume {rooms}`: from zero events, with other rooms in the same frame"""
    client = native(either_node, user=alice)
    places = {where: position(client.join(where)["epoch"], 0) for where in (own(alice), room)}
    client.close()
    told(either_node, alice, 1, 2)
    client = native(either_node, user=alice)
    message_id = client.send("resume", {"rooms": places})
    answers = [client.reply(message_id) for _ in places]
    assert all(a["type"] == "joined" and a.payload["recovered"] is True for a in answers)
    assert contents(client.hear(own(alice), 2)) == [1, 2]
    assert client.heard_nothing()


def test_joining_it_is_no_second_subscription(node, native, alice):
    """heard once: joined by itself and joined by its user"""
    client = native(user=alice)
    client.join(own(alice))
    told(node, alice, "once")
    assert client.hear(own(alice)).payload["content"] == "once"
    assert client.heard_nothing()


def test_what_came_before_the_first_join(either_node, native, alice):
    """joined by itself, live only; `history: n` gets what was there before"""
    native(either_node, user=alice).close()
    told(either_node, alice, 1, 2)
    client = native(either_node, user=alice)
    assert client.heard_nothing()
    client.join(own(alice), history=5)
    assert contents(client.hear(own(alice), 2)) == [1, 2]


def test_it_survives_a_restart(start_node, native, sqlite, alice):
    """A room is a log: kept as any other"""
    first = start_node(store=sqlite)
    client = native(first, user=alice)
    epoch = client.join(own(alice))["epoch"]
    told(first, alice, 1, 2)
    assert first.stop() == 0
    node = start_node(store=sqlite)
    client = native(node, user=alice)
    assert client.join(own(alice), after=position(epoch, 1))["recovered"] is True
    told(node, alice, 3)
    assert contents(client.hear(own(alice), 2)) == [2, 3]


@pytest.mark.parametrize("user", ["é x", "a/b", "x" * 124])
def test_an_id_that_makes_no_room_name(node, native, user):
    """room name `[A-Za-z0-9_.:-]{1,128}`: a user whose id does not fit into one is served all the same"""
    client = native(user=user)
    client.publish("general", "hello")
    client.ping()
