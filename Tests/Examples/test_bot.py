"""A bot that was killed answers what it has missed, and nothing twice. BOT_BIN names it; else it is beside ROOST_BIN."""

import os
import pathlib
import subprocess
import time
from datetime import datetime

import pytest
import requests
from browser import PATIENCE


@pytest.fixture
def start_bot(node, tmp_path):
    binary = pathlib.Path(os.environ.get("BOT_BIN") or pathlib.Path(os.environ["ROOST_BIN"]).with_name("bot"))
    if not binary.exists():
        pytest.skip(f"{binary} is not built: swift build --product bot, or name it by BOT_BIN")
    bots = []

    def start():
        bots.append(subprocess.Popen(
            [str(binary), node.websocket_url, "general", str(tmp_path / "bot.jsonl")], stderr=subprocess.PIPE, text=True))
        line = bots[-1].stderr.readline()
        assert line == "bot: is in general\n", line
        return bots[-1]

    yield start
    for bot in bots:
        bot.kill()
        bot.communicate()


def eventually(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not (seen := condition()):
        assert time.monotonic() < deadline, f"waited for {what}"
        time.sleep(0.02)
    return seen


def ask(node, content, user="ada"):
    answer = requests.post(
        f"{node.url}/rooms/general/messages", params={"user": user}, json={"content": content}, timeout=PATIENCE)
    assert answer.status_code == 201, answer.text


def answers(node, count):
    """The bot's answers, once there are so many of them."""
    def texts():
        return [message["content"]["text"] for message in node.history("general") if message["senderId"] == "bot"]
    eventually(lambda: len(texts()) >= count, f"{count} answers; there are {texts()}")
    return texts()


def test_it_answers_what_it_knows(start_bot, node):
    start_bot()
    ask(node, "!ping")
    ask(node, {"text": "!ping"})  # as the web chat writes it
    ask(node, "hello, !ping")
    ask(node, {"text": ["!ping"]})
    ask(node, "!time")
    assert answers(node, 3)[:2] == ["pong", "pong"]
    assert datetime.fromisoformat(answers(node, 3)[2]).tzinfo is not None
    seq = node.history("general")[-1]["seq"] + 1
    ask(node, "!count")
    assert answers(node, 4)[3] == f"This room has heard {seq} messages."


def test_killed_and_started_again_it_answers_what_it_has_missed_and_nothing_twice(start_bot, node):
    bot = start_bot()
    ask(node, "!ping")
    answers(node, 1)
    bot.kill()  # its file may not say yet that it has heard the question
    bot.wait(PATIENCE)
    ask(node, "!count")
    ask(node, "!ping")
    bot = start_bot()
    assert answers(node, 3) == ["pong", "This room has heard 3 messages.", "pong"]
    bot.kill()
    bot.wait(PATIENCE)
    start_bot()
    ask(node, "!count")
    # It answers in the order of the room: whatever it would say again has been said before this.
    assert answers(node, 4) == ["pong", "This room has heard 3 messages.", "pong", "This room has heard 7 messages."]


def test_it_outlives_the_server(start_bot, node):
    start_bot()
    node.kill()
    node.start()
    ask(node, "!ping")
    assert answers(node, 1) == ["pong"]


def test_it_says_what_is_wrong(start_bot, node, tmp_path):
    binary = start_bot().args[0]
    for arguments, complaint in [([], "how to use it"), (["ws://", "general", str(tmp_path / "b")], "bot: "),
                                 ([node.websocket_url, "no such room", str(tmp_path / "b")], "is not let in"),
                                 ([node.websocket_url, "general", str(tmp_path)], "can't be written")]:
        ended = subprocess.run([binary, *arguments], capture_output=True, text=True, timeout=PATIENCE)
        assert ended.returncode == 1 and complaint in ended.stderr, (arguments, ended)
