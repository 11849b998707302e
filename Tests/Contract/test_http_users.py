"""HTTP API: users (contract, section 2)."""

import pytest

from checks import assert_problem, eventually, is_text, is_timestamp, next_page

# A user who has gone is seen to leave only if it has not come back within 5 s.
LEAVING = 12


def create(http, **user):
    response = http.post("/users", json=user)
    assert response.status_code in (200, 201), response.text
    return response.json()


def every_user(http, limit):
    users, url = [], f"/users?limit={limit}"
    while url:
        response = http.get(url)
        assert response.status_code == 200
        assert len(response.json()) <= limit
        users += response.json()
        assert len(users) < 10000, "the pages never end"
        url = next_page(response)
    return users


def test_post_users(http, name):
    """`POST /users`: users `{id,name,avatar}`"""
    user = create(http, name="Alice A.", avatar="https://example.org/a.png")
    assert is_text(user["id"])
    assert (user["name"], user["avatar"]) == ("Alice A.", "https://example.org/a.png")


def test_posted_users_exist(either_node):
    """A user exists from the first connection or `POST`."""
    http = either_node.http
    user = create(http, name="Alice A.", avatar="a.png")
    response = http.get(f"/users/{user['id']}")
    assert response.status_code == 200
    found = response.json()
    assert {key: found[key] for key in ("id", "name", "avatar")} == {"id": user["id"], "name": "Alice A.",
                                                                  "avatar": "a.png"}
    assert found["online"] is False


def test_posted_users_differ(http):
    """`POST /users`: each gets an id of its own."""
    assert create(http, name="Same", avatar="")["id"] != create(http, name="Same", avatar="")["id"]


def test_get_users(http):
    """`GET /users`: users `{id,name,avatar}`"""
    created = create(http, name="Alice A.", avatar="a.png")
    users = every_user(http, 100)
    assert all(is_text(user["id"]) and "name" in user and "avatar" in user for user in users)
    assert {"id": created["id"], "name": "Alice A.", "avatar": "a.png"} in [
        {key: user[key] for key in ("id", "name", "avatar")} for user in users]


def test_users_page(either_node):
    """Every list pages with `limit` and a cursor."""
    http = either_node.http
    created = {create(http, name=f"User {number}", avatar="")["id"] for number in range(7)}
    ids = [user["id"] for user in every_user(http, 3)]
    assert created <= set(ids)
    assert len(ids) == len(set(ids)), "a user came twice"


def test_users_exist_from_the_first_connection(http, native, simple, alice, bob):
    """A user exists from the first connection."""
    native(user=alice, name="Alice A.")
    simple(user=bob)
    user = http.get(f"/users/{alice}").json()
    assert (user["id"], user["name"], user["online"]) == (alice, "Alice A.", True)
    assert http.get(f"/users/{bob}").json()["online"] is True


def test_online_and_last_seen(http, native, alice):
    """one user adds `online`, `lastSeen`"""
    client = native(user=alice)
    assert http.get(f"/users/{alice}").json()["online"] is True
    client.close()
    eventually(lambda: http.get(f"/users/{alice}").json()["online"] is False, LEAVING, "being offline")
    assert is_timestamp(http.get(f"/users/{alice}").json()["lastSeen"])


def test_a_list_does_not_hold_online(http, native, alice):
    """users `{id,name,avatar}`; one user adds `online`, `lastSeen`"""
    native(user=alice)
    user = next(user for user in every_user(http, 100) if user["id"] == alice)
    assert "online" not in user and "lastSeen" not in user


def test_unknown_user(http):
    """`not_found` 404"""
    assert_problem(http.get("/users/nobody-has-this-id"), 404, "not_found")


@pytest.mark.parametrize("user", [{"name": 7}, {"name": ["a"], "avatar": ""}, {"name": "a", "avatar": 7}])
def test_wrong_values(http, user):
    """`invalid` 422"""
    assert_problem(http.post("/users", json=user), (422, 400), ("invalid", "bad_frame"))


@pytest.mark.parametrize("limit", ["ten", "-1", "1.5"])
def test_wrong_limit(http, limit):
    """Every list pages with `limit`: `invalid` 422 where it is no number."""
    assert_problem(http.get(f"/users?limit={limit}"), (422, 400), ("invalid", "bad_frame"))
