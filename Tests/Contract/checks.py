"""What several tests assert about the things that Roost sends."""

import json
import os
import re
import time
from urllib.parse import urljoin

# Every wait is multiplied by this, for slow builds (sanitizers) and slow machines.
PATIENCE = float(os.environ.get("CONTRACT_PATIENCE", "1"))

# ISO 8601 UTC with milliseconds.
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
EPOCH = re.compile(r"[A-Za-z0-9]{1,32}")

_decoder = json.JSONDecoder()


def is_timestamp(value):
    return isinstance(value, str) and TIMESTAMP.fullmatch(value) is not None


def is_epoch(value):
    return isinstance(value, str) and EPOCH.fullmatch(value) is not None


def is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


def is_text(value):
    return isinstance(value, str) and value != ""


def eventually(check, timeout=5, what="the condition"):
    """Asks again until `check` returns something true, and returns that."""
    deadline = time.monotonic() + timeout * PATIENCE
    while True:
        result = check()
        if result:
            return result
        assert time.monotonic() < deadline, f"{what} did not come true within {timeout} s"
        time.sleep(0.02)


def let_pass(seconds):
    """Waits for what only the clock brings about, such as the end of a window."""
    time.sleep(seconds)


def position(epoch, seq):
    """A position is `{"epoch":"…","seq":42}`."""
    return {"epoch": epoch, "seq": seq}


def _skip_space(text, at):
    while text[at] in " \t\r\n":
        at += 1
    return at


def raw_members(text):
    """The members of a JSON object, each value as the very text it is written with."""
    members = {}
    at = _skip_space(text, 0)
    assert text[at] == "{", f"not an object: {text[:80]}"
    at = _skip_space(text, at + 1)
    while text[at] != "}":
        key, at = _decoder.raw_decode(text, at)
        at = _skip_space(text, at)
        assert text[at] == ":"
        start = _skip_space(text, at + 1)
        _, end = _decoder.raw_decode(text, start)
        members[key] = text[start:end]
        at = _skip_space(text, end)
        if text[at] == ",":
            at = _skip_space(text, at + 1)
    return members


def raw_elements(text):
    """The elements of a JSON array, each as the very text it is written with."""
    elements = []
    at = _skip_space(text, 0)
    assert text[at] == "[", f"not an array: {text[:80]}"
    at = _skip_space(text, at + 1)
    while text[at] != "]":
        _, end = _decoder.raw_decode(text, at)
        elements.append(text[at:end])
        at = _skip_space(text, end)
        if text[at] == ",":
            at = _skip_space(text, at + 1)
    return elements


def raw_content(frame):
    """The content of a native `message` frame, as the very text it is written with."""
    return raw_members(raw_members(frame.raw)["payload"])["content"]


def entry(item):
    """(seq, messageId, sender, content) of an element of a native `history` frame, be it a whole
    `message` frame or a flat object."""
    payload = item.get("payload", item)
    sender = payload["sender"] if "sender" in payload else payload["senderId"]
    return payload["seq"], item["messageId"], sender, payload["content"]


def participant_ids(participants):
    """The ids in a room's `participants`, be they ids or objects with an id."""
    return {p["id"] if isinstance(p, dict) else p for p in participants}


def member_ids(users):
    """The ids in the simple dialect's `room_users`, be they ids or objects with an id."""
    return {(u.get("userId") or u.get("id")) if isinstance(u, dict) else u for u in users}


def assert_problem(response, status, code):
    """Errors are application/problem+json with code, title, detail."""
    codes = (code,) if isinstance(code, str) else code
    statuses = (status,) if isinstance(status, int) else status
    assert response.status_code in statuses, f"{response.status_code}: {response.text[:200]}"
    assert response.headers["Content-Type"].split(";")[0].strip() == "application/problem+json"
    body = response.json()
    assert body["code"] in codes, body
    assert is_text(body["title"]), body
    assert is_text(body["detail"]), body
    return body


def next_page(response):
    """The address that `Link: …; rel="next"` leads to, or None."""
    link = response.links.get("next")
    return urljoin(response.url, link["url"]) if link else None


def read_backwards(http, room, limit=500):
    """The whole history of a room, oldest first, over the pages that lead to older messages."""
    response = http.get(f"/rooms/{room}/messages", params={"limit": limit})
    pages = []
    while True:
        assert response.status_code == 200, response.text[:200]
        pages.append(response.json())
        following = next_page(response)
        if following is None:
            return [message for page in reversed(pages) for message in page]
        assert len(pages) < 10000, "the pages never end"
        response = http.get(following)
