"""Error codes and close codes of the native protocol (contract, section 3)."""

import json

import pytest
from websockets.exceptions import ConnectionClosed

from checks import is_text, is_timestamp
from raw_socket import upgrade_status


def error_of(client, text):
    """The error that answers a frame sent as this text."""
    client.send_text(text)
    error = client.expect("error")
    assert is_text(error.payload["code"])
    assert is_text(error.payload["reason"])
    return error


def open_or_protocol_error(client):
    """After a frame that is none, the connection works on or is closed 4500, protocol error."""
    try:
        client.ping()
    except (AssertionError, ConnectionClosed):
        code, reason = client.expect_close()
        assert code == 4500
        assert is_text(reason)


def test_error_frame(native):
    """`error {code, reason, room?, retryAfterMs?}` in the envelope of every frame"""
    client = native()
    error = client.request("join", {"room": "no such name"}, "error")
    assert is_timestamp(error["timestamp"])
    assert error.payload["code"] == "invalid"
    assert is_text(error.payload["reason"])
    assert error.payload.get("room") in (None, "no such name")
    assert "retryAfterMs" not in error.payload


@pytest.mark.parametrize("text", [
    "{", "", "hello", '{"type":"ping"', "[1,2", '{"type":"ping",}', "{'type':'ping'}", "\0", "nul", "01",
    '{"type":"ping","messageId":"a","payload":{}} {}',
])
def test_malformed_json_is_a_bad_frame(native, text):
    """`bad_frame` 400"""
    client = native()
    assert error_of(client, text).payload["code"] == "bad_frame"
    open_or_protocol_error(client)


@pytest.mark.parametrize("text", ["[]", '"text"', "42", "null", "true", '{"type":5,"messageId":"a","payload":{}}',
                                  '{"messageId":"a","payload":{}}', "{}"])
def test_json_that_is_no_frame_is_a_bad_frame(native, text):
    """`bad_frame` 400"""
    client = native()
    assert error_of(client, text).payload["code"] in ("bad_frame", "invalid", "unknown_type")
    open_or_protocol_error(client)


@pytest.mark.parametrize("payload", [None, [], "room", 7])
@pytest.mark.parametrize("kind", ["join", "leave", "message", "create_room", "history", "presence"])
def test_a_payload_of_the_wrong_type(native, kind, payload):
    """`bad_frame` 400, `invalid` 422; a reply carries the `messageId` of what it answers"""
    client = native()
    client.refused(kind, payload, "bad_frame", "invalid")
    open_or_protocol_error(client)


@pytest.mark.parametrize("room", [None, 7, ["general"], {"room": "general"}, True])
@pytest.mark.parametrize("kind", ["join", "leave", "message", "history", "presence"])
def test_a_room_of_the_wrong_type(native, kind, room):
    """`bad_frame` 400, `invalid` 422"""
    client = native()
    client.refused(kind, {"room": room, "content": 1, "limit": 1}, "bad_frame", "invalid")
    open_or_protocol_error(client)


@pytest.mark.parametrize("kind", ["join", "leave", "message", "history", "presence"])
def test_a_missing_room(native, kind):
    """`bad_frame` 400, `invalid` 422"""
    client = native()
    client.refused(kind, {"content": 1, "limit": 1}, "bad_frame", "invalid")
    open_or_protocol_error(client)


@pytest.mark.parametrize("options", [
    {"after": "x"}, {"after": 5}, {"after": {"epoch": "e"}}, {"after": {"epoch": "e", "seq": "1"}},
    {"after": {"epoch": "e", "seq": -1}}, {"after": {"epoch": "e", "seq": 1.5}}, {"after": {"epoch": 1, "seq": 1}},
    {"history": "ten"}, {"history": -1}, {"history": 1.5}, {"presence": "yes"},
    {"after": {"epoch": "e", "seq": 10**30}}, {"history": 10**30},
])
def test_join_with_wrong_values(native, room, options):
    """`join {room, after?: position, history?: n, presence?: bool}`"""
    client = native()
    client.refused("join", {"room": room, **options}, "bad_frame", "invalid")
    open_or_protocol_error(client)


@pytest.mark.parametrize("kind", ["no_such_type", "", "JOIN", "x" * 10000, "welcome", "ack", "\U0001f600"])
def test_unknown_type(native, kind):
    """`unknown_type` 400"""
    client = native()
    client.refused(kind, {}, "unknown_type")
    client.ping()


def test_a_long_payload_field_is_refused(native):
    """room name `[A-Za-z0-9_.:-]{1,128}`: however long it is"""
    client = native()
    client.refused("join", {"room": "x" * 50000}, "invalid")
    client.ping()


def test_not_found(native, room):
    """`not_found` 404"""
    client = native()
    error = client.refused("history", {"room": room, "limit": 1}, "not_found")
    assert error.get("room") in (None, room)
    client.ping()


def test_a_binary_frame_closes_1003(native):
    """a binary frame closes 1003; the reason is one plain sentence"""
    client = native()
    client.ws.send(b"\x00\x01")
    code, reason = client.expect_close()
    assert code == 1003
    assert is_text(reason)


def test_a_normal_close_is_answered(native):
    """A client that says goodbye with 1000 is answered with it."""
    client = native()
    client.ws.close(1000, "bye")
    assert client.ws.protocol.close_rcvd.code == 1000


def test_an_error_leaves_the_rest_of_the_connection_alone(native, room):
    """nothing else harmed: rooms stay joined, the order stays"""
    client = native()
    client.join(room)
    for kind in ("no_such_type", "join", "message"):
        client.refused(kind, {"room": ""}, "unknown_type", "invalid", "bad_frame")
    client.publish(room, "still joined")
    assert client.hear(room).payload["content"] == "still joined"


@pytest.mark.parametrize("query", ["user=" + "u" * 5000, "name=" + "n" * 5000, "session=" + "s" * 5000, "user=%FF%FE"])
def test_a_user_that_is_too_long_is_refused_or_cut(node, query):
    """over-long names: the handshake is refused or answered, the server stays"""
    assert upgrade_status(node, f"/ws?{query}") in (101, 400, 414, 422, 431)
    assert node.http.get("/health").status_code == 200


def test_deeply_nested_json(native, room):
    """Deep nesting is a value as any other or a named error; the server stays."""
    client = native()
    content = "[" * 30000 + "]" * 30000
    client.send_text(f'{{"type":"message","messageId":"deep-1","payload":{{"room":"{room}","content":{content}}}}}')
    answer = client.reply("deep-1")
    assert answer["type"] == "ack" or answer.payload["code"] in ("bad_frame", "invalid", "too_large"), answer
    native().ping()


def test_a_frame_of_many_members(native):
    """Both sides ignore fields they don't know: however many"""
    client = native()
    frame = {"type": "ping", "messageId": "many-1", "payload": {}, **{f"f{n}": n for n in range(3000)}}
    client.send_text(json.dumps(frame))
    assert client.reply("many-1")["type"] == "pong"
