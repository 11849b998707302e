"""The client for browsers, as every node serves it (contract, section 2: `GET /roost.js`, `GET /roost.d.ts`)."""

import pathlib

import pytest

WEB = pathlib.Path(__file__).parents[2] / "Web"
ASSETS = {"/roost.js": ("text/javascript", WEB / "roost.js"), "/roost.d.ts": ("text/plain", WEB / "roost.d.ts")}


@pytest.mark.parametrize("path", ASSETS)
def test_the_client_is_served(http, path):
    """`GET /roost.js`, `GET /roost.d.ts`: the browser SDK and its types"""
    response = http.get(path)
    kind, file = ASSETS[path]
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith(kind)
    assert response.content == file.read_bytes()
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/roost.js", "/chat.js"])
def test_what_a_browser_has_is_not_sent_again(http, path):
    """The browser SDK: asked for each time, sent when it has changed"""
    response = http.get(path)
    assert response.headers["Cache-Control"] == "no-cache"
    again = http.get(path, headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", response.headers["ETag"])
    other = http.get(path, headers={"If-None-Match": '"something else"'})
    assert (other.status_code, other.content) == (200, response.content)


def test_pages_of_allowed_origins_may_import_it(http):
    """CORS follows the same list: in anonymous loopback mode any loopback origin"""
    response = http.get("/roost.js", headers={"Origin": "http://localhost:5173"})
    assert response.headers["Access-Control-Allow-Origin"] == "http://localhost:5173"


def test_pages_of_other_origins_may_not(http):
    """CORS follows the same list"""
    response = http.get("/roost.js", headers={"Origin": "http://evil.example"})
    assert response.headers.get("Access-Control-Allow-Origin") is None
