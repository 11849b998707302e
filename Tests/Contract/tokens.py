"""Makes tokens (JWT, HS256) and connections that bring them, or don't."""

import base64
import hashlib
import hmac
import json
import time

from websockets.exceptions import ConnectionClosed

from roost_clients import NATIVE, Client, NativeClient

SECRET = "a-secret-of-the-contract-tests-that-is-long-enough"
EVERYTHING = [{"match": "*", "can": ["join", "publish", "history", "presence"]}]


def _base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def mint(sub="alice", secret=SECRET, header=None, **claims):
    """A token for a user, good for an hour and every room unless the claims say otherwise; None leaves one out."""
    body = {"sub": sub, "exp": int(time.time()) + 3600, "rooms": EVERYTHING, **claims}
    body = {name: value for name, value in body.items() if value is not None}
    head = {"alg": "HS256", "typ": "JWT", **(header or {})}
    text = ".".join(_base64(json.dumps(part, separators=(",", ":")).encode()) for part in (head, body))
    digest = {"HS512": hashlib.sha512, "HS384": hashlib.sha384}.get(head["alg"], hashlib.sha256)
    signature = hmac.new(secret.encode(), text.encode(), digest).digest()
    return f"{text}." if head["alg"].lower() == "none" else f"{text}.{_base64(signature)}"


def tampered(token, **claims):
    """The token with other claims, and the signature it had."""
    head, body, signature = token.split(".")
    changed = {**json.loads(base64.urlsafe_b64decode(body + "==")), **claims}
    return f"{head}.{_base64(json.dumps(changed).encode())}.{signature}"


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


# Whichever way a token comes with a handshake: the options that a client is opened with.
CARRIERS = {
    "header": lambda token: {"headers": bearer(token)},
    "subprotocol": lambda token: {"subprotocols": [NATIVE, f"roost.token.{token}"]},
    "query": lambda token: {"token": token},
}


class Unwelcomed(NativeClient):
    """A native connection that has not read its `welcome`, since there may be none."""

    def __init__(self, node, **options):  # noqa: W0231
        Client.__init__(self, node, **options)
        self.welcome = None

    def send_text(self, text):
        """Sends a frame; none where the server has closed the connection already."""
        try:
            super().send_text(text)
        except ConnectionClosed:
            pass


def turned_away(client, timeout=5):
    """The close code with which a connection ends that was never welcomed."""
    code, reason = client.expect_close(timeout)
    assert client.waiting("welcome") == []
    assert reason, "The reason is one plain sentence."
    return code
