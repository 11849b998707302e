"""What the README shows: a chat in a page and one in Swift, each under ten lines, run as they stand there."""

import http.server
import os
import pathlib
import re
import subprocess
import threading

import pytest
import requests
from browser import PATIENCE, Node
from selenium.webdriver.common.keys import Keys

ROOT = pathlib.Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def block(language):
    """The first block of code in this language."""
    return re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)[1]


@pytest.mark.parametrize("language", ["html", "swift"])
def test_they_have_less_than_ten_lines(language):
    assert len(block(language).strip().splitlines()) < 10


@pytest.fixture
def serve_page():
    """Serves one page from a loopback port; gives its address."""
    servers = []

    def serve(text):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200 if self.path == "/" else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(text.encode() if self.path == "/" else b"")

            def log_message(self, *_):
                pass

        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_page_is_a_chat(node, new_window, serve_page):
    page = block("html").replace("127.0.0.1:8080", f"127.0.0.1:{node.port}")
    assert page != block("html")
    address = serve_page(f"<!doctype html><meta charset=utf-8><link rel=icon href=data:,>\n{page}")
    ada, ben = new_window(), new_window()
    for window in (ada, ben):
        window.open(address)
    ada.find("text").send_keys("hello from the README", Keys.ENTER)
    for window in (ada, ben):
        window.wait(lambda: "hello from the README" in window.text_of("log"), "the message")


def test_the_program_is_the_example():
    assert (ROOT / "Examples" / "hello" / "main.swift").read_text() == block("swift")


def test_the_program_talks(tmp_path):
    binary = pathlib.Path(os.environ["ROOST_BIN"]).with_name("hello")
    if not binary.exists():
        pytest.skip(f"{binary} is not built: swift build --product hello")
    try:
        node = Node(tmp_path).start(8080)
    except AssertionError:
        pytest.skip("something else listens on port 8080, which the README names")
    try:
        with subprocess.Popen(["stdbuf", "-oL", str(binary)], stdout=subprocess.PIPE, text=True) as program:
            line = program.stdout.readline()
            program.kill()
        assert line.endswith(": hello from Swift\n")
        said = requests.get(f"{node.url}/rooms/general/messages", timeout=PATIENCE).json()
        assert [entry["content"] for entry in said] == ["hello from Swift"]
    finally:
        node.stop()
