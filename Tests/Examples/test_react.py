"""A chat on React and a hook."""

import pytest
from conftest import EXAMPLES
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys


@pytest.fixture
def two(open_example):
    for name in ("react.js", "react-dom.js"):
        file = EXAMPLES / "react" / name
        assert file.exists(), f"{file.readlink()} is not there; Scripts/setup.sh installs node-react and node-react-dom"
    pages = [open_example("react", user=user) for user in ("ada", "ben")]
    for page in pages:
        # The page has no text of its own before React is there.
        page.shows("#status", "connected")
        page.shows("#members", "ada, ben")
    return pages


def write(page, text, *keys):
    page.window.find("text").send_keys(text, *keys)


def go(page, room):
    page.window.driver.find_element(By.XPATH, f"//nav/button[.='{room}']").click()


def test_two_talk_in_two_rooms(two):
    ada, ben = two
    write(ada, "Hello")
    ben.shows(".typing", "ada …")
    write(ada, " <b>Ben</b>", Keys.ENTER)
    for page in two:
        page.shows("li", "ada Hello <b>Ben</b>")
        page.shows(".typing", "")
    go(ben, "random")
    ben.shows("li")
    write(ben, "elsewhere", Keys.ENTER)
    ben.shows("li.sent", "ben elsewhere")
    ada.shows("#members", "ada")
    write(ada, "meanwhile", Keys.ENTER)
    ada.shows("li.sent", "ada Hello <b>Ben</b>", "ada meanwhile")
    go(ben, "general")
    ben.shows("li.sent", "ada Hello <b>Ben</b>", "ada meanwhile")
    ada.shows("#members", "ada, ben")


def test_a_message_is_shown_before_the_server_has_it(two):
    ada, ben = two
    ada.js("""window.held = []; window.send = WebSocket.prototype.send;
        WebSocket.prototype.send = function (text) { held.push([this, text]); }""")
    write(ada, "at once", Keys.ENTER)
    ada.shows("li.pending", "ada at once")
    ben.shows("li")
    ada.js("WebSocket.prototype.send = send; for (const [socket, text] of held) send.call(socket, text)")
    for page in two:
        page.shows("li.sent", "ada at once")


def test_what_is_written_while_the_server_is_away_is_sent_later(two, node):
    ada, ben = two
    node.kill()
    ada.shows("#status", "connecting")
    write(ada, "later", Keys.ENTER)
    ada.shows("li.pending", "ada later")
    node.start()
    for page in two:
        page.shows("li.sent", "ada later")
    assert node.contents("general") == [{"text": "later"}]
