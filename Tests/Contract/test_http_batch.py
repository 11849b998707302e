"""`POST /messages`: for servers: `[{room,content,messageId,sender?}]`, one result each."""

import pytest

from checks import assert_problem


def test_one_result_each_in_order(http, native, name):
    """one result each: the body of the native ack"""
    first, second = name("one"), name("two")
    reader = native()
    reader.join(first)
    body = [
        {"room": first, "content": {"n": 1}, "messageId": "b-1", "sender": "billing"},
        {"room": second, "content": "two", "messageId": "b-2"},
        {"room": first, "content": 3, "messageId": "b-3", "sender": "billing"},
        {"room": first, "content": {"n": 1}, "messageId": "b-1", "sender": "billing"},
    ]
    response = http.post("/messages", json=body)
    assert response.status_code == 200
    results = response.json()
    assert [(r["room"], r["seq"], r["messageId"], r["duplicate"]) for r in results] == [
        (first, 1, "b-1", False), (second, 1, "b-2", False), (first, 2, "b-3", False), (first, 1, "b-1", True),
    ]
    assert {r["durability"] for r in results} == {"memory"}
    heard = reader.hear(first, 2)
    assert [(f.payload["seq"], f.payload["sender"], f.payload["content"]) for f in heard] == [
        (1, "billing", {"n": 1}), (2, "billing", 3),
    ]


def test_one_that_is_wrong_harms_no_other(http, name):
    """Errors … with `code`: for the one entry that is wrong, and the others are published"""
    room = name("room")
    body = [{"room": room, "content": 1}, {"room": "no such name", "content": 2}, {"content": 3}, {"room": room},
            {"room": room, "content": 5}]
    results = http.post("/messages", json=body).json()
    assert [r.get("seq") or r["code"] for r in results] == [1, "invalid", "bad_frame", "invalid", 2]


@pytest.mark.parametrize("body, status", [("{}", 400), ("[1]", 400), ("[", 400), ("", 400)])
def test_no_list(http, body, status):
    """a list of objects, or nothing is published"""
    response = http.request("POST", "/messages", data=body, headers={"Content-Type": "application/json"})
    assert_problem(response, status, "bad_frame")


def test_too_many(http, name):
    """Everything has a limit: 1000 messages in one request"""
    body = [{"room": name("room"), "content": 0}] * 1001
    assert_problem(http.post("/messages", json=body), 413, "too_large")
