"""A page that knows only the simple dialect, served from another port than the server's."""

import json
import urllib.parse

import pytest
from conftest import SERVER_AWAY
from selenium.webdriver.common.keys import Keys


class SimplePage:
    def __init__(self, window, origin, node):
        self.window = window.open(f"{origin}/simple.html?{urllib.parse.urlencode({'server': node.websocket_url})}")
        self.client_id = self.hear(lambda frame: frame["type"] == "connection")["client_id"]

    def send(self, text):
        self.window.find("text").send_keys(text, Keys.ENTER)

    def join(self, room):
        self.send(json.dumps({"type": "join", "room": room}))
        return self.hear(lambda frame: frame["type"] == "room_users")

    def frames(self):
        """Every line the page shows, read as JSON; a line that is none fails the test."""
        return [json.loads(line) for line in self.window.js("return [...document.querySelectorAll('#lines li')].map(l => l.textContent)")]

    def hear(self, matches, times=1):
        """Waits until that many frames match; gives the last."""
        def found():
            matching = [frame for frame in self.frames() if matches(frame)]
            return len(matching) >= times and matching[-1]
        return self.window.wait(found, f"a frame that is not among {self.frames()}")


@pytest.fixture
def new_page(new_window, another_origin, node):
    return lambda: SimplePage(new_window(), another_origin, node)


def message(sender, content):
    return lambda frame: (frame["type"], frame.get("sender"), frame.get("content")) == ("message", sender, content)


def test_the_server_greets_with_the_clients_id(new_page):
    page = new_page()
    greeting = page.frames()[0]
    assert greeting["type"] == "connection" and greeting["status"] == "connected"
    assert greeting["client_id"] == page.client_id != ""
    assert greeting["hostname"]
    assert page.window.text_of("state") == "open"


def test_raw_text_is_answered_by_the_server(new_page):
    page = new_page()
    page.send("hello, is it you?")
    assert page.hear(message("server", "hello, is it you?"))["timestamp"]


def test_two_pages_hear_each_other_in_a_room(new_page):
    ada, ben = new_page(), new_page()
    assert ada.client_id != ben.client_id
    assert ada.client_id in ada.join("general")["users"]
    users = ben.join("general")["users"]
    assert {ada.client_id, ben.client_id} <= set(users)
    ada.hear(lambda frame: frame["type"] == "user_joined" and frame["userId"] == ben.client_id)

    ben.send("from ben")
    ada.hear(message(ben.client_id, "from ben"))
    ben.hear(message("server", "from ben"))
    ben.hear(message(ben.client_id, "from ben"))

    ada.send("from ada")
    ben.hear(message(ada.client_id, "from ada"))
    assert not any(message("server", "from ada")(frame) for frame in ben.frames()), "the server answers the sender only"
    assert sum(message(ben.client_id, "from ben")(frame) for frame in ada.frames()) == 1


def test_a_room_is_not_heard_in_another(new_page):
    ada, ben, cleo = new_page(), new_page(), new_page()
    for page, room in ((ada, "support"), (ben, "support"), (cleo, "general")):
        page.join(room)
    ben.send("for support")
    ada.hear(message(ben.client_id, "for support"))
    ben.join("general")
    ben.send("for general")
    cleo.hear(message(ben.client_id, "for general"))
    assert not any(message(ben.client_id, "for support")(frame) for frame in cleo.frames())


@pytest.mark.parametrize("ending", ["kill", "stop"])
def test_a_restart_is_survived_by_reconnecting(new_page, node, ending):
    page = new_page()
    page.window.allow(SERVER_AWAY)
    getattr(node, ending)()
    page.window.wait(lambda: page.window.text_of("state") != "open", "the page to see the server gone")
    node.start()
    page.hear(lambda frame: frame["type"] == "connection", times=2)
    page.send("back again")
    page.hear(message("server", "back again"))
