"""The web chat at `/`, in real browsers, against a real server on a SQLite file."""

import pytest
from conftest import SERVER_AWAY
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

@pytest.fixture
def ada(window, node):
    return window.open(node.url + "/").joined()


@pytest.fixture
def ben(new_window, node, ada):
    return new_window().open(node.url + "/").joined()


def fence(*windows):
    """Everything said before has arrived when this has: a room keeps its order."""
    windows[0].say("that is all")
    for window in windows:
        window.hears("that is all")


def test_two_windows_talk(ada, ben):
    ada.rename("Ada Lindqvist")
    ada.connected()
    ada.say("Good morning")
    ben.hears("Good morning")
    ben.say("Morning, Ada")
    ada.hears("Morning, Ada")
    fence(ada, ben)
    for window, own in ((ada, ["Good morning", "that is all"]), (ben, ["Morning, Ada"])):
        assert window.messages() == ["Good morning", "Morning, Ada", "that is all"]
        assert window.messages(".own") == own
    author = ben.driver.find_element(By.CSS_SELECTOR, "#messages .message:first-child .author")
    ben.wait(lambda: author.text == "Ada Lindqvist", "the author's name")


def test_people_come_and_go(ada, new_window, node):
    ada.wait(lambda: ada.text_of("here") == "only you", "one person")
    ben = new_window().open(node.url + "/").joined()
    names = {ada.find("name").get_attribute("value"), ben.find("name").get_attribute("value")}
    for window in (ada, ben):
        window.wait(lambda: len(window.people()) == 2 and set(window.people()) == names, f"{names} to be here")
        assert window.text_of("here") == "2 here"
    ben.open("about:blank")
    ada.wait(lambda: ada.text_of("here") == "only you" and len(ada.people()) == 1, "the other to be gone")


def test_a_reload_shows_history(ada, node):
    said = ["one", "two", "three"]
    for text in said:
        ada.say(text)
        ada.hears(text)
    ada.driver.refresh()
    ada.joined()
    assert ada.messages() == said
    assert ada.messages(".own") == said, "the page has forgotten who it is"
    assert node.contents("general") == said


def test_content_is_shown_as_text(ada, node):
    markup = "<img src=x onerror=\"document.title='owned'\"><b>bold</b>"
    field = ada.find("text")
    field.send_keys(markup, Keys.SHIFT + Keys.ENTER + Keys.NULL, "second line", Keys.ENTER)
    ada.hears(f"{markup}\nsecond line")
    node.publish("general", {"score": [1, 2], "ok": True})
    node.publish("general", 42)
    ada.hears("42")
    assert ada.messages()[-2:] == ['{"score":[1,2],"ok":true}', "42"]
    assert not ada.driver.find_elements(By.CSS_SELECTOR, "#messages img, #messages b")
    ada.allow(r"/users/\S+ - Failed to load resource: .* 404")  # the publisher need not be a known user


def test_a_power_cut_loses_and_doubles_nothing(ada, ben, node):
    for window in (ada, ben):
        window.allow(SERVER_AWAY)
    ada.say("before")
    ben.hears("before")
    node.kill()
    for window in (ada, ben):
        window.wait(lambda: "Connection lost" in window.text_of("status"), "the page to say that the connection is lost")
    ada.say("written meanwhile")
    ada.wait(lambda: ada.messages(".pending") == ["written meanwhile"], "the message to be shown as not yet sent")
    assert "Will be sent when connected" in ada.text_of("messages")
    node.start()
    for window in (ada, ben):
        window.connected()
        window.hears("written meanwhile")
    fence(ben, ada)
    for window in (ada, ben):
        assert window.messages() == ["before", "written meanwhile", "that is all"]
    assert node.contents("general") == ["before", "written meanwhile", "that is all"]


def test_what_was_said_while_the_page_was_away_arrives_once(ada, node):
    ada.allow(SERVER_AWAY)
    ada.allow(r"/users/\S+ - Failed to load resource: .* 404")
    ada.say("before")
    ada.hears("before")
    node.kill()
    ada.wait(lambda: "Connection lost" in ada.text_of("status"), "the page to say that the connection is lost")
    node.start(port=0)  # where the page can't see it
    missed = [f"missed {number}" for number in range(70)]  # more than a first join shows
    for text in missed:
        node.publish("general", text)
    node.stop()
    node.start()
    ada.connected()
    fence(ada)
    assert ada.messages() == ["before", *missed, "that is all"]


def test_rooms_are_apart_and_have_an_address(ada, ben, node):
    ada.wait(lambda: {"general", "support", "random"} <= set(ada.rooms()), "the rooms there are")
    ada.room("support").click()
    ada.joined()
    ada.say("in support")
    ada.hears("in support")
    ada.find("room-name").send_keys("team:ops", Keys.ENTER)
    ada.wait(lambda: ada.text_of("room-title") == "team:ops", "the other room")
    ada.say("in team:ops")
    ada.hears("in team:ops")
    assert ada.driver.current_url == node.url + "/#team:ops"
    assert ada.messages() == ["in team:ops"]
    ada.driver.back()
    ada.hears("in support")
    fence(ben)
    assert ben.messages() == ["that is all"], "the other rooms were heard in general"
    ben.open("about:blank").open(node.url + "/#team:ops").joined()
    assert ben.messages() == ["in team:ops"]


def test_a_name_is_kept_and_told(ada, ben):
    ada.rename("Ada of Arc")
    ada.connected()
    ada.wait(lambda: "Ada of Arc" in ada.people(), "one's own new name")
    ada.driver.refresh()
    ada.joined()
    assert ada.find("name").get_attribute("value") == "Ada of Arc"
    ben.driver.refresh()
    ben.wait(lambda: "Ada of Arc" in ben.people(), "the other to see the new name")


def test_a_name_that_is_changed_offline_loses_nothing_that_waits(ada, ben, node):
    for window in (ada, ben):
        window.allow(SERVER_AWAY)
    node.kill()
    ada.wait(lambda: "Connection lost" in ada.text_of("status"), "the loss to be told")
    ada.say("written before")
    ada.wait(lambda: ada.messages(".pending") == ["written before"], "the message to wait")
    ada.rename("Ada of Arc")
    ada.wait(lambda: ada.find("name-note").is_displayed(), "the page to say that the name waits")
    node.start()
    ben.hears("written before")
    ben.wait(lambda: "Ada of Arc" in ben.people(), "the other to see the new name")
    ada.joined()
    assert ada.messages() == ["written before"] and not ada.find("name-note").is_displayed()
    assert node.contents("general") == ["written before"]


def test_a_message_that_is_too_long_fails_alone(ada):
    ada.js("document.getElementById('text').value = 'x'.repeat(70000)")
    ada.say("")
    ada.wait(lambda: len(ada.messages(".failed")) == 1, "the message to fail")
    ada.say("a short one")
    ada.hears("a short one")
    ada.driver.find_element(By.XPATH, "//button[text()='Discard']").click()
    assert ada.messages() == ["a short one"]
    assert ada.text_of("status") == "Connected"
