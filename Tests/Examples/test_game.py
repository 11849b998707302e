"""The log is the game."""

import pytest
import requests
from browser import PATIENCE

def board(page):
    return page.all("#board button")


def click(page, cell):
    page.js("document.querySelectorAll('#board button')[arguments[0]].click()", cell)


def stands(marks, *pages):
    """Waits until all pages show a board: nine characters, . for an empty field."""
    for page in pages:
        page.shows("#board button", *["" if mark == "." else mark for mark in marks])


def says(page, text):
    page.shows("#turn", text)


@pytest.fixture
def three(open_example):
    pages = [open_example("game", game="g1").connected() for _ in range(3)]
    for page in pages:
        says(page, "You may join. It is X's turn.")
    return pages


def test_a_game_from_the_first_move_to_the_last(three, node):
    ada, ben, eve = three
    click(ada, 0)
    stands("X........", *three)
    says(ada, "You are X. It is O's turn.")
    click(ben, 4)
    stands("X...O....", *three)
    says(eve, "You are watching. It is X's turn.")
    # Not their turn, and not their game: the page does not let them.
    click(ben, 1)
    click(eve, 1)
    click(ada, 1)
    stands("XX..O....", *three)
    ada.reload()
    ada.connected()
    stands("XX..O....", ada)
    says(ada, "You are X. It is O's turn.")
    click(ben, 8)
    stands("XX..O...O", *three)
    click(ada, 2)
    stands("XXX.O...O", *three)
    says(ada, "You are X. X has won.")
    says(eve, "You are watching. X has won.")
    click(ben, 3)
    stands("XXX.O...O", *three)
    assert ada.js("return document.querySelectorAll('#board .won').length") == 3
    # Fields that are not to be played can't be pressed: the pages have sent moves only.
    assert node.contents("game:g1") == [{"cell": cell} for cell in (0, 4, 1, 8, 2)]


def move(node, user, content):
    """A move past the page, which would not have allowed it."""
    answer = requests.post(
        f"{node.url}/rooms/game:g1/messages", params={"user": user}, json={"content": content}, timeout=PATIENCE)
    assert answer.status_code == 201, answer.text


def test_moves_that_are_not_allowed_count_for_nobody(open_example, node):
    for user, content in [
        ("x", {"cell": 0}), ("x", {"cell": 1}),  # twice in a row
        ("o", {"cell": 0}), ("o", {"cell": 9}), ("o", {"cell": "1"}), ("o", "hello"), ("o", None),  # no free field
        ("o", {"cell": 4}), ("eve", {"cell": 5}), ("o", {"cell": 5}),  # a third player; again twice in a row
        ("x", {"cell": 8}),
    ]:
        move(node, user, content)
    stands("X...O...X", open_example("game", game="g1"))


def test_of_simultaneous_moves_the_first_in_the_log_counts(open_example, node):
    ada, ben = (open_example("game", game="g1").connected() for _ in range(2))
    # Both hold what they send until both have moved.
    for page in (ada, ben):
        says(page, "You may join. It is X's turn.")
        page.js("""window.held = []; window.send = WebSocket.prototype.send;
            WebSocket.prototype.send = function (text) { held.push([this, text]); }""")
        click(page, 4)
        page.shows("#board .pending", "…")
    for page in (ben, ada):
        page.js("WebSocket.prototype.send = send; for (const [socket, text] of held) send.call(socket, text)")
        page.window.wait(lambda: "X" in board(page), "the move to have arrived")
    stands("....X....", ada, ben)
    says(ben, "You are X. It is O's turn.")
    says(ada, "You may join. It is O's turn.")
    click(ada, 0)
    stands("O...X....", ada, ben)
