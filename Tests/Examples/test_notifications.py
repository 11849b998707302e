"""What servers publish to a user's own room comes to that user's pages."""

import subprocess

import pytest
from browser import PATIENCE, Node
from conftest import EXAMPLES, run_script

SECRET = "a-secret-of-the-example-tests-that-is-long-enough"


def test_a_notice_comes_to_its_user_alone(open_example, node):
    ada, ben = open_example("notifications", user="ada").connected(), open_example("notifications", user="ben").connected()
    run_script("notifications/notify.sh", "ada", '{"title": "Your parcel", "text": "is <b>here</b>"}', ROOST=node.url)
    run_script("notifications/notify.sh", "ada", '{"title": "Your bill", "text": "is paid"}', ROOST=node.url)
    run_script("notifications/notify.sh", "ben", '{"title": "Ben", "text": "hello"}', ROOST=node.url)
    ada.shows("#notices strong", "Your bill", "Your parcel")
    ada.shows("#notices div", "is paid", "is <b>here</b>")
    ben.shows("#notices strong", "Ben")


def test_the_line_to_try_works_as_it_stands(open_example, node):
    ada = open_example("notifications").connected()
    line = ada.all("#try")[0]
    process = subprocess.run(
        ["bash", "-c", line], cwd=EXAMPLES / "notifications", env={"PATH": "/usr/bin:/bin", "ROOST": node.url},
        capture_output=True, text=True, timeout=PATIENCE)
    assert process.returncode == 0, process.stderr
    ada.shows("#notices strong", "Your parcel")


@pytest.fixture
def jwt_node(tmp_path, monkeypatch):
    monkeypatch.setenv("ROOST_JWT_SECRET", SECRET)
    folder = tmp_path / "jwt"
    folder.mkdir()
    node = Node(folder, "--auth", "jwt", "--config", str(EXAMPLES / "roost.yaml")).start()
    yield node
    node.stop()


def mint(node, user, room):
    """As the README has it."""
    return subprocess.run(
        [node.binary, "token", "--user", user, "--room", room], check=True, capture_output=True, text=True,
        timeout=PATIENCE).stdout.strip()


@pytest.mark.parametrize("script, room, arguments", [
    ("notifications/notify.sh", "user:*=publish", ["ada", '{"title": "A", "text": "B"}']),
    ("scores/score.sh", "score:*=publish,moderate", ["ajax-porto", "1", "0"]),
])
def test_a_server_signs_in_with_a_token(jwt_node, script, room, arguments):
    token = mint(jwt_node, "backend", room)
    assert '"seq":1' in run_script(script, *arguments, ROOST=jwt_node.url, ROOST_TOKEN=token)
    for refused in ({}, {"ROOST_TOKEN": mint(jwt_node, "ada", "*")}):
        process = subprocess.run(
            [str(EXAMPLES / script), *arguments], env={"PATH": "/usr/bin:/bin", "ROOST": jwt_node.url, **refused},
            capture_output=True, text=True, timeout=PATIENCE)
        assert process.returncode != 0 and ("unauthenticated" if not refused else "forbidden") in process.stdout + process.stderr
