"""The examples in headless Chromium, as their readers run them, with the fixtures of Tests/Browser."""

import importlib.util
import pathlib
import re
import subprocess
import sys
import threading
from urllib.parse import urlencode

import pytest
from selenium.common.exceptions import TimeoutException

ROOT = pathlib.Path(__file__).parents[2]
EXAMPLES = ROOT / "Examples"
SERVING = re.compile(r"Serving HTTP on 127\.0\.0\.1 port (\d+)")


def _load(name, path):
    """Both folders have a conftest; the other one is known by another name here."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


_load("browser", ROOT / "Tests" / "Browser" / "conftest.py")

from browser import PATIENCE, SERVER_AWAY, Node, Window  # noqa: E402


@pytest.fixture
def node(tmp_path):
    """A server with the configuration that comes with the examples."""
    node = Node(tmp_path, "--config", str(EXAMPLES / "roost.yaml")).start()
    yield node
    if node.process.poll() is None:
        node.stop()


@pytest.fixture(scope="session")
def site():
    """The examples served by the command in their README; gives the address."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(EXAMPLES)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    line = process.stdout.readline()
    watchdog.cancel()
    serving = SERVING.match(line)
    assert serving, f"not the line of a web server that is ready: {line!r}"
    yield f"http://127.0.0.1:{serving[1]}"
    process.kill()
    process.communicate()


@pytest.fixture(scope="session")
def browsers():
    """Browsers that the tests use one after the other, since each takes seconds to start."""
    windows = []
    yield windows
    for window in windows:
        window.driver.quit()


@pytest.fixture
def new_window(node, site, browsers):
    """Gives browsers that have forgotten what was before; an error in the console of one of them fails the test."""
    used = []

    def make():
        if len(used) == len(browsers):
            browsers.append(Window())
        used.append(browsers[len(used)])
        return used[-1]

    yield make
    errors = []
    for window in used:
        errors += window.console_errors()
        window.open("about:blank")
        window.driver.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": site, "storageTypes": "all"})
        window.console_errors()
        window.allowed.clear()
    assert not errors, "errors in the browser's console:\n" + "\n".join(errors)


class Example:
    """One example's page in a window of its own."""

    def __init__(self, window, address):
        self.window, self.address = window, address
        window.allow(SERVER_AWAY)
        self.reload()

    def reload(self):
        self.window.open(self.address)

    def js(self, script, *arguments):
        return self.window.js(script, *arguments)

    def all(self, selector):
        """The texts of all elements that a selector finds, from top to bottom."""
        return self.js("return [...document.querySelectorAll(arguments[0])].map((element) => element.textContent)", selector)

    def shows(self, selector, *texts):
        """Waits until the elements that a selector finds have these texts, and are no others."""
        try:
            self.window.wait(lambda: self.all(selector) == list(texts), selector)
        except TimeoutException:
            pytest.fail(f"waited for {list(texts)} in {selector}; there is {self.all(selector)}")

    def connected(self):
        self.window.wait(lambda: self.all("#status")[0].startswith("connected"), "the page to be connected")
        return self


@pytest.fixture
def open_example(new_window, node, site):
    """open_example("game", room="r1") opens a page in a browser of its own, with these query parameters."""
    def make(name, **query):
        return Example(new_window(), f"{site}/{name}/?{urlencode({'server': node.url, **query})}")

    return make


def run_script(path, *arguments, **environment):
    """Runs a shell script of the examples; gives what it printed, and fails the test with what it complained about."""
    process = subprocess.run(
        [str(EXAMPLES / path), *arguments], env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True,
        timeout=PATIENCE)
    assert process.returncode == 0, f"{path}: {process.stdout}{process.stderr}"
    return process.stdout
