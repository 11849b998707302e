"""The command `roost token` and `roost token check` (contract, section 1; claims: section 5)."""

import base64
import hashlib
import hmac
import json
import subprocess
import time

import pytest

from checks import PATIENCE
from roost_node import binary, environment, run

SECRET = "a secret of more than thirty-two bytes"
IN_ENVIRONMENT = {"ROOST_JWT_SECRET": SECRET}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Commands run where nothing lies about."""
    monkeypatch.chdir(tmp_path)


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def signature(text, secret=SECRET):
    """HS256, as Python's own library computes it."""
    return encoded(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())


def made(claims, secret=SECRET, algorithm="HS256"):
    """A token that somebody else signed."""
    header = json.dumps({"alg": algorithm, "typ": "JWT"}).encode()
    text = f"{encoded(header)}.{encoded(json.dumps(claims).encode())}"
    return f"{text}.{signature(text, secret)}"


def minted(*args, env=None, secret=SECRET):
    """Mints a token, checks its form and signature, and returns its claims."""
    result = run("token", *args, env=IN_ENVIRONMENT if env is None else env)
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("\n") and len(result.stdout.split()) == 1
    header, payload, signed = result.stdout.strip().split(".")
    assert json.loads(decoded(header)) == {"alg": "HS256", "typ": "JWT"}
    assert signed == signature(f"{header}.{payload}", secret)
    return json.loads(decoded(payload))


def refused(result, code, *named):
    """Ends with this code, nothing on standard output, and one line that names all of `named`."""
    assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
    assert result.stdout == ""
    assert result.stderr.endswith("\n") and result.stderr.count("\n") == 1, result.stderr
    for name in named:
        assert name in result.stderr, result.stderr


def check(token, *args, env=IN_ENVIRONMENT, stdin=None):
    """Explains a token; returns the code and what is said under each label."""
    result = subprocess.run(
        [binary(), "token", "check", *args, token], env=environment(env), input=stdin or "",
        capture_output=True, text=True, timeout=20 * PATIENCE,
    )
    assert result.stderr == "", result.stderr
    said = {}
    for line in result.stdout.splitlines():
        label, text = line[:12].strip(), line[12:]
        said[label] = f"{said[label]}\n{text}" if label in said else text
    return result.returncode, said


def test_a_token_for_an_hour():
    """`--user alice`: mints a JWT; everything but moderation in every room, where no room is named"""
    before = int(time.time())
    claims = minted("--user", "alice")
    assert set(claims) == {"sub", "iat", "exp"}
    assert claims["sub"] == "alice"
    assert before <= claims["iat"] <= time.time()
    assert claims["exp"] - claims["iat"] in (3600, 3601)


def test_name_rooms_and_rights():
    """`--user alice --room 'team-*' --ttl 1h`"""
    claims = minted(
        "--user", "älice 🐦", "--name", 'Al "Ice" \\', "--room", "team-*", "--room", "news=history,join",
        "--room=*=moderate", "--ttl", "2d",
    )
    assert claims["sub"] == "älice 🐦"
    assert claims["name"] == 'Al "Ice" \\'
    assert claims["rooms"] == [
        "team-*", {"match": "news", "can": ["join", "history"]}, {"match": "*", "can": ["moderate"]},
    ]
    assert claims["exp"] - claims["iat"] in (172800, 172801)


def test_a_token_may_last_forever():
    """(0 = off)"""
    assert "exp" not in minted("--user", "alice", "--ttl", "0")


def test_where_the_secret_comes_from(tmp_path):
    """flag, environment `ROOST_…` (secrets … also `…_FILE`); a flag beats the environment"""
    (tmp_path / "secret").write_text(SECRET + "\n")
    in_file = {"ROOST_JWT_SECRET_FILE": str(tmp_path / "secret")}
    other = {"ROOST_JWT_SECRET": "another secret of more than 32 bytes"}
    assert minted("--user", "alice", env=in_file)
    assert minted("--user", "alice", "--secret", SECRET, env={})
    assert minted("--user", "alice", "--secret", SECRET, env=other)
    assert minted("--user", "alice", "--jwt-secret", SECRET, env=other)


def test_a_short_secret_is_warned_of():
    """the token alone on standard output"""
    result = run("token", "--user", "alice", "--secret", "short")
    assert result.returncode == 0
    assert result.stderr.startswith("roost: warning: --secret is shorter than 32 bytes")
    text, signed = result.stdout.strip().rsplit(".", 1)
    assert signed == signature(text, "short")


@pytest.mark.parametrize("env, named", [
    ({}, ["--secret", "ROOST_JWT_SECRET", "ROOST_JWT_SECRET_FILE"]),
    ({"ROOST_JWT_SECRET": ""}, ["ROOST_JWT_SECRET", "empty"]),
    ({"ROOST_JWT_SECRET_FILE": "no-such-file"}, ["ROOST_JWT_SECRET_FILE", "no-such-file"]),
    ({"ROOST_JWT_SECRET": "a", "ROOST_JWT_SECRET_FILE": "b"}, ["ROOST_JWT_SECRET", "both"]),
])
def test_without_a_secret_nothing_is_minted(env, named):
    """a bad value anywhere … exit[s] 78; one line"""
    refused(run("token", "--user", "alice", env=env), 78, *named)


@pytest.mark.parametrize("args, named", [
    ([], ["--user"]), (["--user"], ["--user"]), (["--usr", "alice"], ["--usr", "--user"]),
    (["--user", "alice", "bob"], ["bob"]), (["check"], ["token"]), (["check", "a", "b"], ["b"]),
    (["--user", "alice", "--zzz"], ["--zzz"]), (["check", "--zzz", "x"], ["--zzz"]),
])
def test_a_bad_flag_exits_64(args, named):
    """A bad flag exits 64; … with one line"""
    refused(run("token", *args, env=IN_ENVIRONMENT), 64, *named)


@pytest.mark.parametrize("args, named", [
    (["--user", ""], ["--user"]), (["--user", "a" * 129], ["--user", "128"]), (["--name", "a\tb"], ["--name", "512"]),
    (["--ttl", "soon"], ["--ttl", "soon", "1h"]), (["--ttl", "200ms"], ["--ttl", "200ms"]),
    (["--ttl", "40000d"], ["--ttl", "36500d"]), (["--room", "a b"], ["--room", "a b"]),
    (["--room", "news=fly"], ["--room", "fly", "publish"]), (["--room", "news="], ["--room", "publish"]),
    (["--room", "=join"], ["--room"]), (["--room", "x" * 257], ["--room"]),
    ([f"--room={'x' * 200}{n}" for n in range(40)], ["8192", "--room"]), (["--secret", ""], ["--secret", "empty"]),
])
def test_a_bad_value_exits_78(args, named):
    """a bad value anywhere … exit[s] 78; … names the key, the value, what is allowed"""
    user = [] if "--user" in args else ["--user", "alice"]
    refused(run("token", *user, *args, env=IN_ENVIRONMENT), 78, *named)


def test_what_is_minted_is_explained():
    """`roost token check`: explains a JWT"""
    token = run("token", "--user", "alice", "--name", "Alice", "--room", "team-*", "--room", "news=join",
                env=IN_ENVIRONMENT).stdout.strip()
    code, said = check(token)
    assert code == 0
    assert said["signature"] == "right (HS256)"
    assert said["user"] == "alice" and said["name"] == "Alice"
    assert said["rooms"] == "team-*: join, publish, history, presence\nnews: join"
    assert said["issued"].split(" (")[0].endswith("ago")
    assert said["expires"].startswith("in 59 minutes (") or said["expires"].startswith("in 1 hour (")
    assert said["valid"] == "yes"


@pytest.mark.parametrize("rooms, shown", [
    (None, "every room: join, publish, history, presence"), ([], "none"),
    (["a"], "a: join, publish, history, presence"), ([{"match": "a", "can": ["moderate", "join"]}], "a: join, moderate"),
    ({"a": ["publish"], "b": []}, "a: publish\nb: nothing"),
])
def test_every_form_of_rooms_is_explained(rooms, shown):
    """Claims: `rooms` (patterns and what may be done: join, publish, history, presence, moderate)"""
    claims = {"sub": "alice"} if rooms is None else {"sub": "alice", "rooms": rooms}
    code, said = check(made(claims))
    assert (code, said["rooms"], said["expires"]) == (0, shown, "never")


def test_an_expired_token():
    """explains a JWT: expired 3 minutes ago; exit 1"""
    code, said = check(made({"sub": "alice", "exp": time.time() - 185}))
    assert code == 1
    assert said["signature"] == "right (HS256)"
    assert said["expires"].startswith("expired 3 minutes ago (")
    assert said["valid"].startswith("no. ") and "expired 3 minutes ago" in said["valid"]


@pytest.mark.parametrize("token", [
    made({"sub": "alice"}, secret="another"), made({"sub": "alice"}, algorithm="none"),
    made({"sub": "alice"}, algorithm="HS512"), made({"sub": "alice"}).rsplit(".", 1)[0] + ".",
])
def test_a_wrong_signature(token):
    """explains a JWT: signature right or wrong; exit 1"""
    code, said = check(token)
    assert code == 1
    assert said["signature"].startswith("wrong (")
    assert said["user"] == "alice"
    assert said["valid"].startswith("no. ")


def test_without_a_secret_the_signature_is_not_checked():
    """not checked: no secret given; nobody is told that such a token is valid"""
    code, said = check(made({"sub": "alice"}), env={})
    assert code == 1
    assert said["signature"].startswith("not checked: no secret given")
    assert said["user"] == "alice"
    assert said["valid"].startswith("not known")
    assert check(made({"sub": "alice"}), "--secret", SECRET, env={})[0] == 0


@pytest.mark.parametrize("token, reason", [
    ("hello", "three parts"), ("", "three parts"), ("a.b.c", "base64url"), (made([]), "JSON object"),
    (made({"name": "alice"}), "sub"), (made({"sub": "alice", "rooms": {"a": ["fly"]}}), "fly"),
    (made({"sub": "alice", "exp": "soon"}), "exp"), (made({"sub": "alice", "nbf": 9999999999}), "not valid yet"),
    (made({"sub": "alice", "x": "x" * 9000}), "8192"), (made({"sub": "alice"})[:-5], "changed"),
])
def test_what_is_wrong_is_said(token, reason):
    """explains a JWT; exit 1"""
    code, said = check(token)
    assert code == 1
    assert said["valid"].startswith("no. ") and reason in said["valid"]


def test_a_token_on_standard_input():
    """on stdin with `-`; white space around it does not count"""
    code, said = check("-", stdin=f"\n  {made({'sub': 'alice'})} \r\n")
    assert (code, said["user"]) == (0, "alice")
    assert check("-", stdin="")[0] == 1


def test_what_a_token_says_cannot_write_to_the_terminal():
    """one line per claim, without control characters"""
    result = run("token", "check", made({"sub": "al\u009b2Jice", "name": "\u202eecila"}), env=IN_ENVIRONMENT)
    assert result.returncode == 0
    assert "\u009b" not in result.stdout and "\u202e" not in result.stdout
