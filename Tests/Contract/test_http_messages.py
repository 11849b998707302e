"""HTTP API: history and publishing (contract, section 2)."""

import json

import pytest

from checks import (assert_problem, is_text, is_timestamp, next_page, raw_content, raw_elements, raw_members,
                    read_backwards)
from roost_clients import NativeClient


def fill(client, room, count):
    ids = [client.send("message", {"room": room, "content": n}) for n in range(1, count + 1)]
    for message_id in ids:
        client.reply(message_id)


def seqs(response):
    assert response.status_code == 200, response.text[:200]
    return [message["seq"] for message in response.json()]


@pytest.fixture(params=["memory", "sqlite"], scope="module")
def filled(request):
    """A node, and a room of it that holds 120 messages."""
    node = request.getfixturevalue("node" if request.param == "memory" else "sqlite_node")
    room = f"filled-{request.param}"
    author = NativeClient(node)
    fill(author, room, 120)
    epoch = author.join(room)["epoch"]
    author.close()
    return node.http, room, epoch


def test_history(either_node, native, room, alice):
    """`GET /rooms/{room}/messages`: `[{roomId,messageId,seq,content,senderId,createdAt,status:"success"}]`"""
    author = native(either_node, user=alice)
    author.join(room)
    message_id = author.send("message", {"room": room, "content": {"text": "hi"}})
    heard = author.hear(room)
    response = either_node.http.get(f"/rooms/{room}/messages")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("application/json")
    (message,) = response.json()
    assert is_timestamp(message["createdAt"])
    assert message["createdAt"] == heard["timestamp"]
    assert {key: message[key] for key in message if key != "createdAt"} == {
        "roomId": room, "messageId": message_id, "seq": 1, "content": {"text": "hi"}, "senderId": alice,
        "status": "success"}


def test_no_cursor(filled):
    """No cursor: the latest 50, oldest first"""
    http, room, _ = filled
    assert seqs(http.get(f"/rooms/{room}/messages")) == list(range(71, 121))


def test_link_leads_to_older(filled):
    """`Link: …; rel="next"` leads to older ones"""
    http, room, _ = filled
    first = http.get(f"/rooms/{room}/messages")
    second = http.get(next_page(first))
    third = http.get(next_page(second))
    assert seqs(second) == list(range(21, 71))
    assert seqs(third) == list(range(1, 21))
    assert next_page(third) is None


def test_limit(filled):
    """`?limit=`"""
    http, room, _ = filled
    assert seqs(http.get(f"/rooms/{room}/messages?limit=7")) == list(range(114, 121))


@pytest.mark.parametrize("limit", [1, 7, 40, 60, 1000])
def test_pages_of_any_size_hold_everything_once(filled, limit):
    """Every list pages with `limit` and a cursor."""
    http, room, _ = filled
    assert [message["seq"] for message in read_backwards(http, room, limit)] == list(range(1, 121))


@pytest.mark.parametrize("whole", [False, True])
def test_before(filled, whole):
    """`before=`: in URLs `EPOCH:42` (a bare `42`, the room's present epoch, only in `GET` history)"""
    http, room, epoch = filled
    cursor = f"{epoch}:11" if whole else "11"
    response = http.get(f"/rooms/{room}/messages", params={"before": cursor, "limit": 4})
    assert seqs(response) == [7, 8, 9, 10]
    assert seqs(http.get(next_page(response))) == [3, 4, 5, 6]


@pytest.mark.parametrize("whole", [False, True])
def test_after(filled, whole):
    """with `after`, [`Link` leads] to newer"""
    http, room, epoch = filled
    cursor = f"{epoch}:112" if whole else "112"
    response = http.get(f"/rooms/{room}/messages", params={"after": cursor, "limit": 4})
    assert seqs(response) == [113, 114, 115, 116]
    response = http.get(next_page(response))
    assert seqs(response) == [117, 118, 119, 120]


def test_after_the_head(filled):
    """with `after`, to newer: there are none"""
    http, room, epoch = filled
    assert seqs(http.get(f"/rooms/{room}/messages", params={"after": f"{epoch}:120"})) == []


def test_after_zero(filled):
    """a room's `seq` starts at 1: after 0 is from the beginning"""
    http, room, epoch = filled
    assert seqs(http.get(f"/rooms/{room}/messages", params={"after": f"{epoch}:0", "limit": 3})) == [1, 2, 3]


def test_a_room_without_messages(http, native, room):
    """`[…]` of a room that exists and holds nothing"""
    native().join(room)
    response = http.get(f"/rooms/{room}/messages")
    assert seqs(response) == []
    assert next_page(response) is None


def test_history_of_an_unknown_room(http, room):
    """An unknown room: … reading its history is 404."""
    assert_problem(http.get(f"/rooms/{room}/messages"), 404, "not_found")


@pytest.mark.parametrize("query", ["limit=ten", "limit=-1", "before=x:y:z", "after=..", "before=ep:-1"])
def test_wrong_cursors(http, query):
    """`bad_frame` 400 or `invalid` 422"""
    assert_problem(http.get(f"/rooms/general/messages?{query}"), (400, 422), ("bad_frame", "invalid"))


def test_publish(either_node, native, room, alice):
    """`POST /rooms/{room}/messages` `{content,messageId?}` → body of the native ack; 201 new"""
    reader = native(either_node)
    reader.join(room)
    response = either_node.http.post(f"/rooms/{room}/messages", params={"user": alice},
                                     json={"content": {"text": "hi"}, "messageId": "posted-1"})
    assert response.status_code == 201, response.text
    ack = response.json()
    assert (ack["room"], ack["seq"], ack["duplicate"]) == (room, 1, False)
    assert ack["durability"] in ("memory", "stored")
    heard = reader.hear(room)
    assert heard["messageId"] == "posted-1"
    assert (heard.payload["sender"], heard.payload["content"]) == (alice, {"text": "hi"})


def test_durability(node, sqlite_node, room, alice):
    """`durability`: `memory` (this node only), `stored` (the store has it on disk)"""
    for one, durability in ((node, "memory"), (sqlite_node, "stored")):
        ack = one.http.post(f"/rooms/{room}/messages", params={"user": alice}, json={"content": 1}).json()
        assert ack["durability"] == durability


def test_publish_without_a_message_id(http, room, alice):
    """`{content,messageId?}`: one is made up"""
    for _ in range(2):
        assert http.post(f"/rooms/{room}/messages", params={"user": alice}, json={"content": 1}).status_code == 201
    messages = http.get(f"/rooms/{room}/messages").json()
    assert len({message["messageId"] for message in messages}) == 2
    assert all(is_text(message["messageId"]) for message in messages)


def test_publish_again(either_node, room, alice):
    """200 duplicate: the same `(room, sender, messageId)` … is stored once, acked again with the same `seq`"""
    post = lambda: either_node.http.post(f"/rooms/{room}/messages", params={"user": alice},  # noqa: E731
                                         json={"content": 1, "messageId": "posted-2"})
    assert post().status_code == 201
    again = post()
    assert again.status_code == 200
    assert (again.json()["seq"], again.json()["duplicate"]) == (1, True)
    assert seqs(either_node.http.get(f"/rooms/{room}/messages")) == [1]


def test_publish_again_over_the_other_way(http, native, room, alice):
    """The same `(room, sender, messageId)`: whichever way it came"""
    native(user=alice).publish(room, 1, "either-1")
    again = http.post(f"/rooms/{room}/messages", params={"user": alice}, json={"content": 1, "messageId": "either-1"})
    assert (again.status_code, again.json()["seq"]) == (200, 1)


@pytest.mark.parametrize("content", [
    "1e5", "1.0", '{ "a" : [ 1 , 2 ] }', r'"\u00e9\/"', "123456789012345678901234567890", "null", '"é \U0001f600"',
    '{"b":1,"a":2,"b":3}',
])
def test_published_content_is_byte_for_byte(either_node, native, room, alice, content):
    """`content` is any JSON value and comes out byte for byte as it went in."""
    reader = native(either_node)
    reader.join(room)
    body = f'{{"messageId":"raw-1", "content":{content}}}'.encode()
    response = either_node.http.post(f"/rooms/{room}/messages", params={"user": alice}, data=body,
                                     headers={"Content-Type": "application/json"})
    assert response.status_code == 201, response.text
    assert raw_content(reader.hear(room)) == content
    history = either_node.http.get(f"/rooms/{room}/messages").content.decode()
    assert raw_members(raw_elements(history)[0])["content"] == content


def test_publish_to_an_unknown_room(http, room, alice):
    """An unknown room: … publishing … creates it as a public one."""
    assert http.post(f"/rooms/{room}/messages", params={"user": alice}, json={"content": 1}).status_code == 201
    assert http.get(f"/rooms/{room}").json()["visibility"] == "public"


@pytest.mark.parametrize("body", [{}, {"messageId": "m-1"}, {"content": 1, "messageId": 7},
                                  {"content": 1, "messageId": ""}, {"content": 1, "messageId": "i" * 129}])
def test_publish_wrong_values(http, room, body):
    """`messageId` … (1–128 bytes): `invalid` 422"""
    assert_problem(http.post(f"/rooms/{room}/messages", json=body), (422, 400), ("invalid", "bad_frame"))


def test_publish_too_much(http, room, alice):
    """`--max-message-bytes` 65536: `too_large` 413"""
    body = json.dumps({"content": "x" * 100000})
    response = http.post(f"/rooms/{room}/messages", params={"user": alice}, data=body,
                         headers={"Content-Type": "application/json"})
    assert_problem(response, 413, "too_large")
