"""Signing in over WebSocket: tokens, their carriers, their end (contract, sections 3 and 5)."""

import signal
import time

import pytest
from websockets.exceptions import InvalidStatus

from checks import PATIENCE, is_text
from raw_socket import upgrade, upgrade_status
from roost_clients import NATIVE, Client
from roost_node import run
from tokens import CARRIERS, EVERYTHING, SECRET, Unwelcomed, bearer, mint, tampered, turned_away

BAD = {
    "signature": lambda: mint(secret="another-secret-that-is-long-enough-as-well"),
    "no signature": lambda: mint().rsplit(".", 1)[0] + ".",
    "alg none": lambda: mint(header={"alg": "none"}),
    "alg None": lambda: mint(header={"alg": "None"}),
    "alg none, signed": lambda: mint(header={"alg": "none"}) + mint().rsplit(".", 1)[1],
    "alg unknown": lambda: mint(header={"alg": "XX256"}),
    "other claims": lambda: tampered(mint("mallory"), sub="alice"),
    "no sub": lambda: mint(sub=None),
    "empty sub": lambda: mint(sub=""),
    "sub no text": lambda: mint(sub=7),
    "garbage": lambda: "garbage",
    "three times garbage": lambda: "a.b.c",
    "a part too few": lambda: mint().rsplit(".", 1)[0],
}
# A token's end may be seen a little late, since clocks differ.
ENDED = 20


@pytest.fixture
def unwelcomed(jwt_node):
    """Opens native connections that may get no welcome."""
    opened = []

    def open_client(node=None, **options):
        opened.append(Unwelcomed(node or jwt_node, **options))
        return opened[-1]

    yield open_client
    for client in opened:
        client.close()


def sign_in(client, token):
    return client.request("auth", {"token": token}, "welcome")


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_token_in_the_handshake(jwt_node, native, room, alice, carrier):
    """A token comes as `Authorization: Bearer`, as a further subprotocol `roost.token.<jwt>`, … as `?token=`; with
    tokens `sub` is the user"""
    client = native(jwt_node, **CARRIERS[carrier](mint(alice, name="Alice A.")))
    assert client.user == alice
    assert client.ws.subprotocol == NATIVE
    client.join(room)
    client.publish(room, "signed")
    assert client.hear(room).payload["sender"] == alice
    members = client.request("presence", {"room": room}, "presence").payload["members"]
    assert [(member["user"], member["name"]) for member in members] == [(alice, "Alice A.")]


@pytest.mark.parametrize("offer", ["roost.v1.json, roost.token.{}", "roost.token.{}, roost.v1.json"])
def test_the_token_is_never_echoed(jwt_node, offer):
    """as a further subprotocol `roost.token.<jwt>` (never echoed; another must be offered)"""
    token = mint()
    socket_, status, headers = upgrade(jwt_node, Sec_WebSocket_Protocol=offer.format(token))
    socket_.close()
    assert (status, headers["sec-websocket-protocol"]) == (101, NATIVE)
    assert token not in str(headers)


def test_the_token_alone_is_no_subprotocol(jwt_node):
    """another must be offered; only unknown ones: 400"""
    assert upgrade_status(jwt_node, Sec_WebSocket_Protocol=f"roost.token.{mint()}") == 400


def test_auth(unwelcomed, room, alice):
    """`auth {token}` … where the handshake carried none → `welcome`"""
    client = unwelcomed()
    welcome = sign_in(client, mint(alice))
    assert welcome.payload["user"] == alice
    assert all(is_text(welcome.payload[key]) for key in ("clientId", "node", "session"))
    client.join(room)
    assert client.publish(room, 1)["seq"] == 1
    client.close()


def test_nothing_is_done_before_auth(unwelcomed, signed, room):
    """`unauthenticated`, or close 4501: nothing is joined, said or told before"""
    author = signed("author")
    author.publish(room, "not for everybody")
    client = unwelcomed()
    for kind, payload in (("join", {"room": room, "history": 5}), ("message", {"room": room, "content": "forged"}),
                          ("history", {"room": room, "limit": 5}), ("presence", {"room": room})):
        client.send(kind, payload)
    assert turned_away(client) == 4501
    errors = [frame for frame in client.log if frame["type"] == "error"]
    assert {error.payload["code"] for error in errors} <= {"unauthenticated"}
    assert [frame for frame in client.log if frame["type"] != "error"] == []
    assert author.publish(room, "next")["seq"] == 2


def test_no_token_closes_4501_in_time(unwelcomed):
    """`auth` within 10 s where the handshake carried none; `--auth-timeout`: 4501"""
    start = time.monotonic()
    assert turned_away(unwelcomed()) == 4501
    assert 0.8 <= time.monotonic() - start <= 4 * PATIENCE


def test_the_timeout_is_over_once_signed_in(unwelcomed, alice):
    """`--auth-timeout`: for who has not signed in"""
    client, silent = unwelcomed(), unwelcomed()
    sign_in(client, mint(alice))
    assert turned_away(silent) == 4501
    assert turned_away(unwelcomed()) == 4501
    client.ping()


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("kind", ["signature", "alg none", "garbage", "other claims"])
def test_a_bad_token_in_a_handshake(jwt_node, unwelcomed, carrier, kind):
    """A bad token in a handshake is told by upgrading and closing 4501 (a browser can't see a 401)"""
    assert turned_away(unwelcomed(**CARRIERS[carrier](BAD[kind]()))) == 4501


@pytest.mark.parametrize("kind", BAD)
def test_bad_tokens(unwelcomed, kind):
    """`auth {token}` → `welcome`, or close 4501; whoever signed it wrongly is nobody"""
    assert turned_away(unwelcomed(headers=bearer(BAD[kind]()))) == 4501
    client = unwelcomed()
    client.send("auth", {"token": BAD[kind]()})
    assert turned_away(client) == 4501


@pytest.mark.parametrize("payload", [{}, {"token": None}, {"token": 7}, {"token": ""}, {"token": ["a"]}, None])
def test_auth_with_wrong_values(unwelcomed, payload):
    """`auth {token}` → `welcome`, or close 4501"""
    client = unwelcomed()
    client.send("auth", payload)
    assert turned_away(client) in (4500, 4501)


def test_without_a_subprotocol_too(jwt_node):
    """A token comes …: for the simple dialect as well, which has no `auth`"""
    client = Client(jwt_node, headers=bearer(mint("plain-user")))
    assert client.read()["status"] == "connected"
    client.close()
    client = Client(jwt_node)
    assert client.expect_close()[0] == 4501
    assert client.waiting("message") == []


def test_an_expired_token_in_a_handshake(unwelcomed):
    """4004 token expired (renew it first), or 4501"""
    assert turned_away(unwelcomed(headers=bearer(mint(exp=int(time.time()) - 3600)))) in (4004, 4501)


def test_a_token_that_expires_while_connected(signed, alice):
    """4004 token expired (renew it first)"""
    client = signed(alice, exp=int(time.time()) + 2)
    code, reason = client.expect_close(timeout=ENDED)
    assert code == 4004
    assert is_text(reason)


def test_renewing_keeps_the_connection(signed, room, alice, bob):
    """`auth {token}` …; again to refresh"""
    soon = int(time.time()) + 2
    renewed, other = signed(alice, exp=soon), signed(bob, exp=soon)
    renewed.join(room)
    assert sign_in(renewed, mint(alice)).payload["user"] == alice
    assert other.expect_close(timeout=ENDED)[0] == 4004
    renewed.publish(room, "still here")
    assert renewed.hear(room).payload["content"] == "still here"


def test_renewing_with_another_users_token(signed, room, alice, bob):
    """with tokens `sub` is the user: one connection has one"""
    client = signed(alice)
    message_id = client.send("auth", {"token": mint(bob)})
    try:
        reply = client.reply(message_id)
    except AssertionError:
        assert client.expect_close()[0] in (4501, 4503)
        return
    assert reply["type"] == "error", reply
    assert reply.payload["code"] in ("forbidden", "unauthenticated", "conflict", "invalid")
    client.join(room)
    client.publish(room, "whose?")
    assert client.hear(room).payload["sender"] == alice


def test_renewing_with_a_bad_token(signed, alice):
    """`auth {token}` → `welcome`, or close 4501"""
    client = signed(alice)
    client.send("auth", {"token": BAD["signature"]()})
    assert client.expect_close()[0] == 4501


def test_a_frame_that_claims_another_sender(signed, room, alice, bob):
    """a frame that claims another sender is refused"""
    client = signed(alice)
    client.join(room)
    client.refused("message", {"room": room, "content": 1, "sender": bob}, "forbidden")
    client.request("message", {"room": room, "content": 2, "sender": alice}, "ack")
    heard = client.hear(room)
    assert (heard.payload["sender"], heard.payload["content"], heard.payload["seq"]) == (alice, 2, 1)


def test_a_name_in_the_address_is_not_believed(jwt_node, alice, bob):
    """with tokens `sub` is the user: `?user=` is for anonymous mode"""
    try:
        client = Unwelcomed(jwt_node, headers=bearer(mint(alice)), user=bob)
    except InvalidStatus as refused:
        assert refused.response.status_code in (400, 401, 403)
        return
    client.ping()
    assert [frame.payload["user"] for frame in client.log if frame["type"] == "welcome"] == [alice]
    client.close()


def test_tokens_are_not_logged(start_node, native, alice):
    """as `?token=`, redacted from logs: nor is any other way in them"""
    node = start_node("--auth", "jwt", "--jwt-secret", SECRET, "--log-level", "trace")
    token, bad = mint(alice), mint(alice, secret="another-secret-that-is-long-enough-as-well")
    for carrier in CARRIERS.values():
        native(node, **carrier(token)).ping()
        turned_away(Unwelcomed(node, **carrier(bad)))
    node.http.get("/rooms", params={"token": token})
    node.http.get("/no-such-path", params={"token": bad})
    client = Unwelcomed(node)
    sign_in(client, token)
    node.stop()
    written = node.stderr() + node.stdout()
    for text in (token, bad):
        assert text not in written
        assert text.rsplit(".", 1)[1] not in written
    assert SECRET not in written


def test_the_secret_is_masked():
    """prints the effective one, secrets masked"""
    result = run("config", "print", env={"ROOST_AUTH": "jwt", "ROOST_JWT_SECRET": SECRET})
    assert result.returncode == 0, result.stderr
    assert SECRET not in result.stdout + result.stderr
    assert "jwt" in result.stdout


def test_the_secret_can_lie_in_a_file(start_node, native, tmp_path, alice):
    """(secrets and URLs also `…_FILE`)"""
    (tmp_path / "secret").write_text(SECRET + "\n")
    node = start_node("--auth", "jwt", env={"ROOST_JWT_SECRET_FILE": str(tmp_path / "secret")})
    assert native(node, headers=bearer(mint(alice))).user == alice


def test_jwt_needs_a_key():
    """`--auth jwt` (…; secret, PEM or JWKS …): a bad value … exit 78"""
    result = run("serve", "--port", "0", "--store", "memory:", "--auth", "jwt")
    assert (result.returncode, result.stdout) == (78, "")
    assert "jwt" in result.stderr


def test_beyond_loopback_with_tokens(start_node, alice):
    """any other address needs `--auth jwt`"""
    node = start_node("--host", "0.0.0.0", "--auth", "jwt", "--jwt-secret", SECRET)
    base = f"http://127.0.0.1:{node.port}"
    assert node.http.get(f"{base}/health").status_code == 200
    assert node.http.get(f"{base}/rooms").status_code == 401
    assert node.http.get(f"{base}/rooms", headers=bearer(mint(alice, rooms=EVERYTHING))).status_code == 200


def test_who_has_not_signed_in_is_sent_away_by_a_drain(start_node):
    """every client gets … close 4001: also one that the server still waits for"""
    node = start_node("--auth", "jwt", "--jwt-secret", SECRET, "--auth-timeout", "5m")
    client = Unwelcomed(node)
    client.send_text("{}")
    client.expect("error")
    node.process.send_signal(signal.SIGTERM)
    assert client.expect_close()[0] == 4001
    assert node.wait(timeout=4) == 0
