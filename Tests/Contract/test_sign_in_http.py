"""Signing in over HTTP (contract, sections 2 and 5)."""

import time

import pytest

from checks import assert_problem
from tokens import bearer, mint, tampered

BAD = {
    "none": lambda: None,
    "signature": lambda: mint(secret="another-secret-that-is-long-enough-as-well"),
    "alg none": lambda: mint(header={"alg": "none"}),
    "other claims": lambda: tampered(mint("mallory"), sub="alice"),
    "no sub": lambda: mint(sub=None),
    "expired": lambda: mint(exp=int(time.time()) - 3600),
    "garbage": lambda: "garbage",
    "empty": lambda: "",
}
REQUESTS = [
    ("GET", "/rooms", None), ("POST", "/rooms", {"participants": ["x"]}), ("GET", "/rooms/general", None),
    ("GET", "/rooms/general/messages", None), ("POST", "/rooms/general/messages", {"content": 1}),
    ("DELETE", "/rooms/general/messages/x", None), ("GET", "/rooms/general/presence", None),
    ("POST", "/rooms/general/typing", {"active": True}), ("POST", "/rooms/general/read", {"seq": 1}),
    ("GET", "/users", None), ("POST", "/users", {"name": "x"}), ("GET", "/users/x", None),
    ("PUT", "/rooms/general/members/x", None), ("DELETE", "/rooms/general", None),
    ("PATCH", "/rooms/general", {"name": "x"}),
]


@pytest.fixture
def http(jwt_node):
    return jwt_node.http


@pytest.mark.parametrize("method, path, body", REQUESTS)
def test_without_a_token(http, method, path, body):
    """`unauthenticated` 401"""
    assert_problem(http.request(method, path, json=body), 401, "unauthenticated")


@pytest.mark.parametrize("kind", BAD)
def test_bad_tokens(http, room, kind):
    """`unauthenticated` 401, and nothing is done"""
    token = BAD[kind]()
    headers = {} if token is None else bearer(token)
    assert_problem(http.get("/rooms", headers=headers), 401, "unauthenticated")
    assert_problem(http.post(f"/rooms/{room}/messages", headers=headers, json={"content": 1}), 401, "unauthenticated")
    assert http.get(f"/rooms/{room}", headers=bearer(mint())).status_code == 404


@pytest.mark.parametrize("value", ["", "Bearer", "Basic YTpi", "Bearer  ", "bearer", "Token x"])
def test_other_authorizations(http, value):
    """A token comes as `Authorization: Bearer`: anything else is none"""
    assert_problem(http.get("/rooms", headers={"Authorization": value}), 401, "unauthenticated")


def test_naming_oneself_is_no_sign_in(http, room):
    """In anonymous mode a client names itself with `?user=ID`: with tokens that is nobody"""
    response = http.post(f"/rooms/{room}/messages", params={"user": "alice"}, json={"content": 1})
    assert_problem(response, 401, "unauthenticated")


@pytest.mark.parametrize("path, status", [("/health", 200), ("/ready", 200), ("/", 200)])
def test_what_needs_no_token(http, path, status):
    """liveness and readiness are asked by machines without one"""
    assert http.get(path).status_code == status


def test_health_names_nobody(http, signed, alice):
    """`active_clients` (ids) in anonymous mode only"""
    client = signed(alice)
    assert "active_clients" not in http.get("/health").json()
    client.ping()


def test_publishing(http, signed, room, alice):
    """with tokens `sub` is the user"""
    reader = signed("reader")
    reader.join(room)
    body = {"content": "signed", "messageId": "posted-1"}
    response = http.post(f"/rooms/{room}/messages", headers=bearer(mint(alice)), json=body)
    assert (response.status_code, response.json()["seq"]) == (201, 1)
    assert reader.hear(room).payload["sender"] == alice
    (message,) = http.get(f"/rooms/{room}/messages", headers=bearer(mint(alice))).json()
    assert (message["senderId"], message["content"]) == (alice, "signed")
    again = http.post(f"/rooms/{room}/messages", headers=bearer(mint(alice)), json=body)
    assert (again.status_code, again.json()["duplicate"]) == (200, True)


def test_a_name_in_the_address_is_not_believed(http, signed, room, alice, bob):
    """with tokens `sub` is the user"""
    reader = signed("reader")
    reader.join(room)
    response = http.post(f"/rooms/{room}/messages", headers=bearer(mint(alice)), params={"user": bob},
                         json={"content": 1})
    if response.status_code == 201:
        assert reader.hear(room).payload["sender"] == alice
    else:
        assert_problem(response, 403, "forbidden")


def test_a_token_in_the_address(http, room, alice):
    """where a browser can do nothing else, as `?token=`"""
    response = http.get("/rooms/general/messages", params={"token": mint(alice)})
    assert response.status_code == 200, response.text
    assert_problem(http.get("/rooms/general/messages", params={"token": BAD["signature"]()}), 401, "unauthenticated")


def test_links_do_not_carry_the_token(http, room, alice):
    """`Link: …; rel="next"`: an address that is passed on holds no token"""
    for number in range(4):
        http.post(f"/rooms/{room}/messages", headers=bearer(mint(alice)), json={"content": number})
    token = mint(alice)
    response = http.get(f"/rooms/{room}/messages", params={"token": token, "limit": 2})
    assert "next" in response.links
    assert token not in str(response.headers)


def test_the_name_is_the_claims(http, signed, alice):
    """Claims: `sub`, `name`, …; a user exists from the first connection"""
    signed(alice, name="Alice A.")
    user = http.get(f"/users/{alice}", headers=bearer(mint("bob"))).json()
    assert (user["id"], user["name"], user["online"]) == (alice, "Alice A.", True)


def test_private_rooms_are_the_users(http, alice, bob):
    """visibility `private`: members only, whatever the pattern of the token"""
    body = {"name": "Mine", "participants": [alice], "visibility": "private"}
    created = http.post("/rooms", headers=bearer(mint(alice)), json=body)
    assert created.status_code == 201, created.text
    path = f"/rooms/{created.json()['id']}/messages"
    assert http.post(path, headers=bearer(mint(alice)), json={"content": 1}).status_code == 201
    for response in (http.get(path, headers=bearer(mint(bob))),
                     http.post(path, headers=bearer(mint(bob)), json={"content": 1})):
        assert_problem(response, (403, 404), ("forbidden", "not_found"))


def test_unread_is_the_signed_in_users(http, alice, bob):
    """rooms …, with `unread` for a signed-in user"""
    room = http.post("/rooms", headers=bearer(mint(alice)), json={"participants": [alice, bob]}).json()["id"]
    for number in range(3):
        http.post(f"/rooms/{room}/messages", headers=bearer(mint(alice)), json={"content": number})
    read = http.post(f"/rooms/{room}/read", headers=bearer(mint(bob)), json={"seq": 2})
    assert read.status_code in (200, 202, 204), read.text
    assert http.get(f"/rooms/{room}", headers=bearer(mint(bob))).json()["unread"] == 1


def test_authors_delete_their_own(http, room, alice, bob):
    """`DELETE /rooms/{room}/messages/{messageId}`: its author is the token's `sub`"""
    path = f"/rooms/{room}/messages"
    http.post(path, headers=bearer(mint(alice)), json={"content": "regret", "messageId": "regret-1"})
    assert_problem(http.delete(f"{path}/regret-1", headers=bearer(mint(bob))), 403, "forbidden")
    assert_problem(http.delete(f"{path}/regret-1", headers=bearer(mint(bob)), params={"user": alice}), 403, "forbidden")
    assert http.delete(f"{path}/regret-1", headers=bearer(mint(alice))).status_code in (200, 202, 204)
    assert http.get(path, headers=bearer(mint(alice))).json()[0]["content"] is None
