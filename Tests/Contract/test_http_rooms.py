"""HTTP API: rooms, members, presence (contract, section 2)."""

import json

import pytest

from checks import assert_problem, is_text, is_timestamp, next_page, participant_ids

FIELDS = {"id", "name", "visibility", "participants", "createdAt", "lastMessage", "lastMessageAt"}


def create(http, user, **room):
    response = http.post("/rooms", json=room, params={"user": user})
    assert response.status_code in (200, 201), response.text
    return response.json()


def every_room(http, limit):
    rooms, url = [], f"/rooms?limit={limit}"
    while url:
        response = http.get(url)
        assert response.status_code == 200
        assert len(response.json()) <= limit
        rooms += response.json()
        assert len(rooms) < 10000, "the pages never end"
        url = next_page(response)
    return rooms


@pytest.mark.parametrize("room", ["general", "support", "random"])
def test_rooms_that_always_exist(either_node, room):
    """`general`, `support` and `random` always exist."""
    http = either_node.http
    response = http.get(f"/rooms/{room}")
    assert response.status_code == 200
    body = response.json()
    assert (body["id"], body["visibility"]) == (room, "public")
    assert is_timestamp(body["createdAt"])
    assert room in {found["id"] for found in every_room(http, 100)}


def test_post_rooms(http, alice, bob):
    """`POST /rooms`: rooms `{id,name,visibility,participants,createdAt,…}`"""
    room = create(http, alice, name="The two", participants=[alice, bob], visibility="private")
    assert is_text(room["id"])
    assert (room["name"], room["visibility"]) == ("The two", "private")
    assert participant_ids(room["participants"]) >= {alice, bob}
    assert is_timestamp(room["createdAt"])
    assert room.get("lastMessage") is None and room.get("lastMessageAt") is None


def test_posted_rooms_exist(either_node, alice):
    """`GET /rooms/{room}`"""
    http = either_node.http
    room = create(http, alice, name="Mine", participants=[alice], visibility="public")
    found = http.get(f"/rooms/{room['id']}").json()
    for key in ("id", "name", "visibility", "participants", "createdAt"):
        assert found[key] == room[key]


def test_posted_rooms_are_told_to_online_participants(http, native, alice, bob):
    """`room_created {room:{…}}`, to every online participant too"""
    client = native(user=bob)
    room = create(http, alice, name="Told", participants=[alice, bob], visibility="private")
    assert client.expect("room_created").payload["room"]["id"] == room["id"]


def test_last_message(either_node, native, room):
    """rooms `{id,name,visibility,participants,createdAt,lastMessage,lastMessageAt}`"""
    http = either_node.http
    client = native(either_node)
    client.join(room)
    client.publish(room, "the first words")
    client.publish(room, "the last words")
    client.hear(room)
    stored = client.hear(room)["timestamp"]
    body = http.get(f"/rooms/{room}").json()
    assert set(body) >= FIELDS
    assert "the last words" in json.dumps(body["lastMessage"])
    assert body["lastMessageAt"] == stored


def test_rooms_page(either_node, alice):
    """Every list pages with `limit` and a cursor."""
    http = either_node.http
    created = {create(http, alice, name=f"Room {number}", participants=[alice], visibility="public")["id"]
               for number in range(7)}
    ids = [room["id"] for room in every_room(http, 3)]
    assert created <= set(ids)
    assert len(ids) == len(set(ids)), "a room came twice"


def test_patch_rooms(either_node, alice):
    """`PATCH /rooms/{room}`"""
    http = either_node.http
    room = create(http, alice, name="Old", participants=[alice], visibility="public")["id"]
    response = http.patch(f"/rooms/{room}", json={"name": "New"}, params={"user": alice})
    assert response.status_code in (200, 204), response.text
    found = http.get(f"/rooms/{room}").json()
    assert (found["name"], found["visibility"]) == ("New", "public")


def test_patch_of_an_unknown_room(http, alice, room):
    """`not_found` 404"""
    assert_problem(http.patch(f"/rooms/{room}", json={"name": "New"}, params={"user": alice}), 404, "not_found")


def test_delete_rooms(either_node, native, alice):
    """`DELETE /rooms/{room}`"""
    http = either_node.http
    room = create(http, alice, name="Gone", participants=[alice], visibility="public")["id"]
    native(either_node, user=alice).publish(room, 1)
    response = http.delete(f"/rooms/{room}", params={"user": alice})
    assert response.status_code in (200, 202, 204), response.text
    assert_problem(http.get(f"/rooms/{room}"), 404, "not_found")
    assert_problem(http.get(f"/rooms/{room}/messages"), 404, "not_found")
    assert room not in {found["id"] for found in every_room(http, 100)}


def test_a_room_created_again_has_a_new_epoch(either_node, native, alice, room):
    """The epoch … is new only when the log is: room creation."""
    client = native(either_node, user=alice)
    client.publish(room, 1)
    before = client.request("history", {"room": room, "limit": 1}, "history").payload["epoch"]
    assert either_node.http.delete(f"/rooms/{room}", params={"user": alice}).status_code in (200, 202, 204)
    later = native(either_node, user=alice)
    assert later.publish(room, 1)["seq"] == 1
    assert later.join(room)["epoch"] != before


def test_delete_of_an_unknown_room(http, alice, room):
    """`not_found` 404"""
    assert_problem(http.delete(f"/rooms/{room}", params={"user": alice}), 404, "not_found")


def test_members_of_a_private_room(either_node, native, alice, bob):
    """`PUT|DELETE /rooms/{room}/members/{user}`: members of a private room"""
    http = either_node.http
    room = create(http, alice, name="Closed", participants=[alice], visibility="private")["id"]
    native(either_node, user=bob).refused("join", {"room": room}, "forbidden", "not_found")
    added = http.put(f"/rooms/{room}/members/{bob}", params={"user": alice})
    assert added.status_code in (200, 201, 204), added.text
    native(either_node, user=bob).join(room)
    assert bob in participant_ids(http.get(f"/rooms/{room}", params={"user": alice}).json()["participants"])
    removed = http.delete(f"/rooms/{room}/members/{bob}", params={"user": alice})
    assert removed.status_code in (200, 204), removed.text
    native(either_node, user=bob).refused("join", {"room": room}, "forbidden", "not_found")


@pytest.mark.parametrize("room", [
    {"participants": "alice"}, {"participants": [7]}, {"participants": [], "visibility": "secret"},
    {"participants": [], "name": 7},
])
def test_wrong_values(http, room):
    """`invalid` 422"""
    assert_problem(http.post("/rooms", json=room), (422, 400), ("invalid", "bad_frame"))


def test_presence(http, native, room, alice, bob):
    """`GET /rooms/{room}/presence`: as the native frame `presence {room, count, members:[{user,name,since,
    connections}], next?}`"""
    for client in (native(user=alice, name="Alice A."), native(user=bob), native(user=bob)):
        client.join(room)
    body = http.get(f"/rooms/{room}/presence").json()
    assert body["room"] == room
    members = {member["user"]: member for member in body["members"]}
    assert set(members) == {alice, bob}
    assert (members[alice]["name"], members[alice]["connections"]) == ("Alice A.", 1)
    assert members[bob]["connections"] == 2
    assert is_timestamp(members[alice]["since"])


def test_presence_of_a_room_that_is_empty(http, native, room):
    """`presence {room, count, members}`: nobody"""
    native().publish(room, 1)
    body = http.get(f"/rooms/{room}/presence").json()
    assert (body["count"], body["members"]) == (0, [])


def test_a_room_that_becomes_private_puts_outsiders_out(node, native, room, alice, bob):
    """members of a private room: whoever is none hears nothing more"""
    owner, outsider = native(user=alice), native(user=bob)
    assert node.http.post("/rooms", params={"user": alice}, json={"id": room, "participants": [alice]}).status_code == 201
    owner.join(room)
    outsider.join(room)
    assert node.http.patch(f"/rooms/{room}", params={"user": alice}, json={"visibility": "private"}).status_code == 200
    outsider.expect("left", where=lambda frame: frame["payload"]["room"] == room)
    owner.publish(room, "among us")
    outsider.ping()
    assert outsider.heard_nothing(room)
    outsider.refused("join", {"room": room}, "forbidden")
