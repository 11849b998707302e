"""Native protocol: presence, user_joined and user_left (contract, section 3)."""

from checks import is_timestamp

# A user who has gone is seen to leave only if it has not come back within 5 s.
LEAVING = 12


def presence(client, room, **options):
    return client.request("presence", {"room": room, **options}, "presence").payload


def about(user):
    return lambda frame: frame.payload["user"] == user


def test_presence(native, room, alice, bob):
    """`presence {room, count, members:[{user,name,since,connections}], next?}`"""
    first, second = native(user=alice, name="Alice A."), native(user=bob, name="Bob B.")
    first.join(room)
    second.join(room)
    answer = presence(first, room)
    assert (answer["room"], answer["count"]) == (room, 2)
    members = {member["user"]: member for member in answer["members"]}
    assert set(members) == {alice, bob}
    assert members[alice]["name"] == "Alice A."
    assert members[bob]["name"] == "Bob B."
    for member in members.values():
        assert is_timestamp(member["since"])
        assert member["connections"] == 1
    assert not answer.get("next")


def test_presence_counts_the_connections_of_a_user(native, room, alice):
    """`members:[{user,…,connections}]`: one member for a user, however many connections it has"""
    clients = [native(user=alice) for _ in range(3)]
    for client in clients:
        client.join(room)
    members = presence(clients[0], room)["members"]
    assert [(member["user"], member["connections"]) for member in members] == [(alice, 3)]


def test_presence_is_of_one_room(native, name, alice, bob):
    """`presence {room, …}`"""
    one, two = name("room"), name("room")
    first, second = native(user=alice), native(user=bob)
    first.join(one)
    second.join(two)
    assert [member["user"] for member in presence(first, one)["members"]] == [alice]
    assert [member["user"] for member in presence(first, two)["members"]] == [bob]


def test_presence_without_joining(native, room, alice, bob):
    """Publishing and asking are no presence."""
    native(user=alice).join(room)
    asking = native(user=bob)
    asking.publish(room, 1)
    assert [member["user"] for member in presence(asking, room)["members"]] == [alice]


def test_presence_pages(native, name, room):
    """`presence {room, cursor?}` → `{…, next?}`: pages read one after another hold every member once."""
    users = {name("user") for _ in range(12)}
    clients = [native(user=user) for user in users]
    for client in clients:
        client.join(room)
    found, answer = [], presence(clients[0], room)
    while True:
        assert answer["count"] == 12
        found += [member["user"] for member in answer["members"]]
        if not answer.get("next"):
            break
        assert len(found) < 24
        answer = presence(clients[0], room, cursor=answer["next"])
    assert sorted(found) == sorted(users)


def test_presence_in_joined(native, room, alice, bob):
    """`join {…, presence: true}` → `joined {…, members}`"""
    native(user=alice, name="Alice A.").join(room)
    members = native(user=bob).join(room, presence=True)["members"]
    found = next(member for member in members if member["user"] == alice)
    assert found["name"] == "Alice A."


def test_user_joined(native, room, alice, bob):
    """`user_joined {room, user, name}`"""
    watcher = native(user=alice)
    watcher.join(room, presence=True)
    native(user=bob, name="Bob B.").join(room)
    joined = watcher.expect("user_joined", where=about(bob))
    assert (joined.payload["room"], joined.payload["name"]) == (room, "Bob B.")
    assert is_timestamp(joined["timestamp"])


def test_user_joined_is_told_for_the_first_connection_only(native, name, room, alice, bob):
    """first … connection of that user in the room"""
    watcher, carol = native(user=alice), name("carol")
    watcher.join(room, presence=True)
    for _ in range(2):
        native(user=bob).join(room)
    native(user=carol).join(room)
    watcher.expect("user_joined", where=about(carol))
    watcher.ping()
    told = [f for f in watcher.log if f["type"] == "user_joined" and f.payload["user"] == bob]
    assert len(told) == 1


def test_user_left_when_the_room_is_left(native, room, alice, bob):
    """`user_left {room, user, lastSeen}`"""
    watcher, leaver = native(user=alice), native(user=bob)
    watcher.join(room, presence=True)
    leaver.join(room)
    watcher.expect("user_joined", where=about(bob))
    leaver.request("leave", {"room": room}, "left")
    left = watcher.expect("user_left", timeout=LEAVING, where=about(bob))
    assert left.payload["room"] == room
    assert is_timestamp(left.payload["lastSeen"])


def test_user_left_when_the_connection_ends(native, raw, room, alice):
    """`user_left {room, user, lastSeen}`: whether it said goodbye or not"""
    watcher = native(user=alice)
    watcher.join(room, presence=True)
    polite = native(user=f"{alice}-polite")
    polite.join(room)
    abrupt = raw(path=f"/ws?user={alice}-abrupt")
    abrupt.send_frame(1, '{"type":"join","messageId":"1","payload":{"room":"%s"}}' % room)
    watcher.expect("user_joined", where=about(f"{alice}-abrupt"))
    polite.close()
    abrupt.reset()
    for user in (f"{alice}-polite", f"{alice}-abrupt"):
        left = watcher.expect("user_left", timeout=LEAVING, where=about(user))
        assert left.payload["room"] == room
    assert [member["user"] for member in presence(watcher, room)["members"]] == [alice]


def test_user_left_is_told_for_the_last_connection_only(native, name, room, alice, bob):
    """last connection of that user in the room"""
    watcher, carol = native(user=alice), name("carol")
    watcher.join(room, presence=True)
    kept, dropped, other = native(user=bob), native(user=bob), native(user=carol)
    for client in (kept, dropped, other):
        client.join(room)
    dropped.close()
    other.close()
    watcher.expect("user_left", timeout=LEAVING, where=about(carol))
    watcher.ping()
    assert [f for f in watcher.log if f["type"] == "user_left" and f.payload["user"] == bob] == []
    members = {member["user"]: member["connections"] for member in presence(watcher, room)["members"]}
    assert members == {alice: 1, bob: 1}


def test_presence_of_an_invalid_room(native):
    """room name `[A-Za-z0-9_.:-]{1,128}`: `invalid`"""
    native().refused("presence", {"room": "no such name"}, "invalid")
