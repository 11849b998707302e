"""The web chat of a server that speaks TLS: the page comes by HTTPS, and its socket is WSS."""

import subprocess

import pytest
from conftest import Node, requested


@pytest.fixture
def node(tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
        check=True, stderr=subprocess.DEVNULL)
    node = Node(tmp_path, "--tls-cert", str(cert), "--tls-key", str(key)).start()
    yield node
    node.stop()


def test_two_windows_talk(node, new_window):
    assert node.url.startswith("https://")
    ada, ben = (new_window().open(node.url + "/").joined() for _ in range(2))
    ada.say("Good morning")
    ben.hears("Good morning")
    ben.say("Morning, Ada")
    ada.hears("Morning, Ada")
    # The socket is a worker's, of which the page's log knows nothing; the page's policy lets it go to its own server
    # only, and that one speaks nothing but TLS.
    assert {address.split("://")[0] for address in requested(ada)} == {"https"}
    assert ada.in_app("return app.roost.state") == "connected"
