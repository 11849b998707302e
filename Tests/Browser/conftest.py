"""Browser tests: headless Chromium against a real server.

ROOST_BIN names the server's binary; CHROMIUM and CHROMEDRIVER name the browser and its driver
where they are not found on the path.
"""

import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading

import pytest
import requests
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

PATIENCE = 20
LISTENING = re.compile(r"roost: listening on (https?://\S+:(\d+))\n")
SERVER_AWAY = r"WebSocket connection to '\S+' failed: .*(ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE)"
NOTE_VIOLATIONS = """
    window.violations = [];
    document.addEventListener("securitypolicyviolation",
        (event) => violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


class Node:
    """One server on one SQLite file; it keeps its port and its file over kills and restarts."""

    def __init__(self, folder, *flags):
        self.flags = flags
        self.binary = os.environ.get("ROOST_BIN")
        if not self.binary:
            pytest.fail("ROOST_BIN must name the server's binary")
        self.store = folder / "roost.db"
        self.errors = folder / "stderr.log"
        self.port = 0
        self.process = None

    def start(self, port=None):
        """Starts on its own port, or on the one given; returns when the server says it listens."""
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [self.binary, "serve", "--port", str(self.port if port is None else port),
                 "--store", f"sqlite:{self.store}", *self.flags],
                stdout=subprocess.PIPE, stderr=errors, text=True)
        watchdog = threading.Timer(PATIENCE, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        listening = LISTENING.fullmatch(line)
        assert listening, f"not the line of a server that is ready: {line!r}\n{self.errors.read_text()}"
        self.url = listening[1]
        if port is None:
            self.port = int(listening[2])
        return self

    def kill(self):
        """As a power cut would: SIGKILL."""
        self.process.kill()
        self._gone()

    def stop(self):
        """A clean stop: SIGTERM, exit 0, nothing more on standard output."""
        self.process.send_signal(signal.SIGTERM)
        rest = self._gone()
        assert self.process.returncode == 0, f"exit {self.process.returncode}\n{self.errors.read_text()}"
        assert rest == "", f"only one line belongs on standard output, not {rest!r}"

    def _gone(self):
        rest, _ = self.process.communicate(timeout=40)
        return rest

    @property
    def websocket_url(self):
        return self.url.replace("http", "ws", 1) + "/ws"

    def publish(self, room, content):
        answer = requests.post(f"{self.url}/rooms/{room}/messages", json={"content": content}, timeout=PATIENCE)
        assert answer.status_code == 201, answer.text

    def history(self, room):
        answer = requests.get(f"{self.url}/rooms/{room}/messages", timeout=PATIENCE)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def publish_many(self, room, contents):
        """As a server would: many at once."""
        for start in range(0, len(contents), 1000):
            batch = [{"room": room, "content": content, "sender": "archivist"} for content in contents[start:start + 1000]]
            answer = requests.post(f"{self.url}/messages", json=batch, timeout=60)
            assert answer.status_code == 200 and all("seq" in result for result in answer.json()), answer.text[:500]

    def contents(self, room):
        return [message["content"] for message in self.history(room)]


class Window:
    """A browser of its own (own storage, so an own user), and what one does in the chat page."""

    def __init__(self):
        options = webdriver.ChromeOptions()
        options.binary_location = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome") or ""
        arguments = [
            "--headless=new", "--disable-dev-shm-usage", "--disable-gpu", "--window-size=1280,800", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-default-apps", "--no-proxy-server", "--lang=en-GB",
        ]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")
        for argument in arguments:
            options.add_argument(argument)
        # Those of the tests are signed by nobody that a browser knows.
        options.accept_insecure_certs = True
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = os.environ.get("CHROMEDRIVER") or shutil.which("chromedriver")
        self.driver = webdriver.Chrome(options=options, service=Service(driver))
        self.allowed = []
        self.run_first(NOTE_VIOLATIONS)

    def run_first(self, script):
        """Runs a script in every page before the page's own."""
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})

    def open(self, url):
        self.driver.get(url)
        return self

    def allow(self, pattern):
        """Console errors that the test itself provokes."""
        self.allowed.append(re.compile(pattern))

    def console_errors(self):
        return [
            entry["message"] for entry in self.driver.get_log("browser")
            if (entry["level"] == "SEVERE" or "Content Security Policy" in entry["message"])
            and not any(pattern.search(entry["message"]) for pattern in self.allowed)
        ]

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition, what, patience=PATIENCE):
        return WebDriverWait(self.driver, patience, poll_frequency=0.05).until(lambda _: condition(), f"waited for {what}")

    def find(self, element_id):
        return self.driver.find_element(By.ID, element_id)

    def text_of(self, element_id):
        return self.find(element_id).text

    # The chat page

    def connected(self):
        self.wait(lambda: self.text_of("status") == "Connected", "the page to say Connected")
        return self

    def emulate_screen(self, width, height):
        """A phone's screen, in CSS pixels."""
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 2, "mobile": True})

    def emulate_scheme(self, scheme):
        """`light` or `dark`, as the system would say."""
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def joined(self):
        """Connected, and what was said before has come in."""
        self.connected()
        self.wait(lambda: self.find("log").get_attribute("aria-busy") == "false", "the room's history")
        return self

    def say(self, text):
        self.find("text").send_keys(text, Keys.ENTER)

    def messages(self, selector=".message"):
        """The texts in the log, from top to bottom."""
        return self.js("return [...document.querySelectorAll(arguments[0])].map(m => m.querySelector('.content').textContent)",
                       f"#messages {selector}")

    def hears(self, text):
        """Waits until a text stands in the log as sent."""
        self.wait(lambda: text in self.messages(".message:not(.pending, .failed)"), f"{text!r} among {self.messages()}")

    def rooms(self):
        return self.js("return [...document.querySelectorAll('.room-name')].map(name => name.textContent)")

    def room(self, name):
        """The link to a room."""
        return self.driver.find_element(By.CSS_SELECTOR, f'#rooms a[href="#{name}"]')

    def unread(self, name):
        """What the list of rooms says is unread in a room, as text; empty if nothing is."""
        return self.js("return document.querySelector(`#rooms a[href='#${arguments[0]}'] .badge`)?.firstChild.data ?? ''", name)

    def in_app(self, script, *arguments):
        """Runs a script with the page's `app`; it may return a promise."""
        answer = self.driver.execute_async_script(f"""
            const done = arguments[arguments.length - 1], given = [...arguments].slice(0, -1);
            import("/chat.js").then(async ({{ app }}) => {{ {script} }})
                .then((value) => done({{ value: value ?? null }}), (problem) => done({{ problem: String(problem) }}));
        """, *arguments)
        assert "problem" not in answer, answer
        return answer["value"]

    def people(self):
        return self.js("return [...document.querySelectorAll('.person-name')].map(name => name.textContent)")

    def rename(self, name):
        field = self.find("name")
        field.clear()
        field.send_keys(name, Keys.ENTER)


@pytest.fixture
def node(tmp_path):
    node = Node(tmp_path).start()
    yield node
    if node.process.poll() is None:
        node.stop()


@pytest.fixture
def new_window(node):
    """Makes windows, closed before the server stops; an error in the console of one of them fails the test."""
    windows = []

    def make():
        windows.append(Window())
        return windows[-1]

    yield make
    errors = []
    for window in windows:
        try:
            errors += window.console_errors()
        finally:
            window.driver.quit()
    assert not errors, "errors in the browser's console:\n" + "\n".join(errors)


@pytest.fixture
def window(new_window):
    return new_window()


@pytest.fixture
def another_origin():
    """This folder, served from another loopback port; gives its address."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=pathlib.Path(__file__).parent)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def requested(window):
    """Every address the browser has asked for, WebSockets included."""
    events = [json.loads(entry["message"])["message"] for entry in window.driver.get_log("performance")]
    return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"] + [
        event["params"]["url"] for event in events if event["method"] == "Network.webSocketCreated"]
