"""The command: version, config check and print, options in three places, exit codes (contract, section 1)."""

import json
import re

import pytest

from roost_node import run

# Options whose value is a number, with a value that is not the default.
NUMBERS = {
    "max-message-bytes": 11111, "rate-limit-messages": 222, "rate-limit-burst": 3333, "rate-limit-connects": 44,
    "max-rooms-per-connection": 55, "max-unsent-bytes": 666666, "max-history": 77, "max-connections": 88,
    "max-head-bytes": 9999, "max-body-bytes": 101010, "recent-bytes": 1212121, "port": 9090,
}
# Bad values, with what the line about them must say is allowed.
BAD_VALUES = [
    ("port", "banana", []), ("port", "70000", []), ("max-message-bytes", "lots", []), ("max-message-bytes", "1.5", []),
    ("heartbeat", "soon", []), ("heartbeat", "5parsecs", []), ("dedupe-window", "forever", []),
    ("log-format", "xml", ["text", "json"]), ("log-level", "loud", ["info"]),
    ("store", "floppy:disk", ["sqlite", "memory"]), ("bus", "carrier:pigeon", ["local"]), ("queue", "pipe:x", ["none"]),
]


def key(option):
    """maxMessageBytes for max-message-bytes"""
    first, *rest = option.split("-")
    return first + "".join(word.capitalize() for word in rest)


def variable(option):
    """ROOST_MAX_MESSAGE_BYTES for max-message-bytes"""
    return "ROOST_" + option.upper().replace("-", "_")


def plain(text):
    """Text in which a flag, a variable and a key of the same option look alike."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def printed(result, option):
    """The value of an option in what `config print` wrote."""
    assert result.returncode == 0, result.stderr
    match = re.search(rf'^\W*{key(option)}"?\s*[:=]\s*"?(\d+)\b', result.stdout, re.MULTILINE)
    assert match, f"no number for {key(option)} in:\n{result.stdout}"
    return int(match[1])


def refused(result, code, *named):
    """Ends with this code and exactly one line, which names all of `named`; returns the line."""
    assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, result.stderr
    for name in named:
        assert plain(name) in plain(lines[0]), f"{name} is not named: {lines[0]}"
    return lines[0]


@pytest.fixture
def config(tmp_path):
    """Writes a configuration file."""
    def write(text):
        path = tmp_path / "roost.yaml"
        path.write_text(text)
        return str(path)
    return write


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Commands run where nothing lies about."""
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")


def set_in(place, option, value, config, *command):
    """Runs a command with an option set as a flag, in the environment, or in a file."""
    if place == "flag":
        return run(*command, f"--{option}", str(value))
    if place == "environment":
        return run(*command, env={variable(option): str(value)})
    return run(*command, "--config", config(f"{key(option)}: {json.dumps(value)}\n"))


PLACES = pytest.mark.parametrize("place", ["flag", "environment", "file"])


def test_version():
    """`roost version`: version, commit, engines built in"""
    result = run("version")
    assert result.returncode == 0
    assert re.search(r"\d+\.\d+", result.stdout)
    assert "commit" in result.stdout.lower() or re.search(r"\b[0-9a-f]{7,40}\b", result.stdout)
    assert "sqlite" in result.stdout and "memory" in result.stdout


def test_config_check():
    """`roost config check`: validates a configuration"""
    assert run("config", "check").returncode == 0


@PLACES
@pytest.mark.parametrize("option", NUMBERS)
def test_every_option_has_one_name_in_three_places(config, place, option):
    """flag `--max-message-bytes`, environment `ROOST_MAX_MESSAGE_BYTES`, configuration file key `maxMessageBytes`"""
    result = set_in(place, option, NUMBERS[option], config, "config", "print")
    assert printed(result, option) == NUMBERS[option]


@pytest.mark.parametrize("option, default", [
    ("max-message-bytes", 65536), ("rate-limit-messages", 200), ("rate-limit-burst", 1000),
    ("rate-limit-connects", 100), ("max-rooms-per-connection", 128), ("max-unsent-bytes", 1048576),
    ("max-history", 1000), ("max-connections", 0), ("max-head-bytes", 16384), ("max-body-bytes", 1048576),
    ("recent-bytes", 64 << 20), ("port", 8080),
])
def test_defaults(option, default):
    """the column `default`; `127.0.0.1:8080`"""
    assert printed(run("config", "print"), option) == default


def test_a_flag_beats_the_environment_which_beats_the_file(config):
    """a flag beats the environment, which beats the file"""
    file = ["--config", config("maxHistory: 11\n")]
    env = {"ROOST_MAX_HISTORY": "22"}
    command = ["config", "print"]
    assert printed(run(*command, *file), "max-history") == 11
    assert printed(run(*command, *file, env=env), "max-history") == 22
    assert printed(run(*command, *file, "--max-history", "33", env=env), "max-history") == 33


def test_serve_obeys_all_three_places(start_node, native, config):
    """a flag beats the environment, which beats the file: `welcome.heartbeatMs` tells"""
    file = ["--config", config("heartbeat: 7s\n")]
    def heartbeat(*args, **options):
        return native(start_node(*args, **options)).welcome.payload["heartbeatMs"]

    assert heartbeat(*file) == 7000
    assert heartbeat(*file, env={"ROOST_HEARTBEAT": "8"}) == 8000
    assert heartbeat(*file, "--heartbeat", "9500ms", env={"ROOST_HEARTBEAT": "8"}) == 9500


@pytest.mark.parametrize("command", [["serve", "--port", "0", "--store", "memory:"], ["config", "check"],
                                     ["config", "print"]])
def test_a_bad_flag_exits_64(command):
    """A bad flag exits 64; … with one line that names the key … and the nearest known name."""
    line = refused(run(*command, "--max-mesage-bytes", "5"), 64)
    assert "max-mesage-bytes" in line
    assert "max-message-bytes" in line


def test_a_flag_like_no_other_exits_64():
    """A bad flag exits 64"""
    refused(run("serve", "--qqqqqqqqqqqqqq"), 64, "--qqqqqqqqqqqqqq")


@PLACES
@pytest.mark.parametrize("option, value, allowed", BAD_VALUES)
def test_a_bad_value_exits_78(config, place, option, value, allowed):
    """a bad value anywhere … exit[s] 78; … with one line that names the key, the value, what is allowed"""
    line = refused(set_in(place, option, value, config, "config", "check"), 78, option, value)
    for name in allowed:
        assert name in line, line


@PLACES
def test_serve_refuses_what_config_check_refuses(config, place):
    """a bad value anywhere … exit[s] 78"""
    refused(set_in(place, "max-message-bytes", "lots", config, "serve"), 78, "max-message-bytes", "lots")


@pytest.mark.parametrize("place", ["environment", "file"])
def test_a_bad_truth_value_exits_78(config, place):
    """a bad value anywhere … exit[s] 78; … what is allowed"""
    result = set_in(place, "create-on-join", "perhaps", config, "config", "check")
    line = refused(result, 78, "create-on-join", "perhaps")
    assert "true" in line and "false" in line


def test_the_nearest_value_is_named():
    """the nearest known name"""
    assert "json" in refused(run("config", "check", "--log-format", "jsno"), 78, "log-format", "jsno")


def test_an_unknown_file_key_exits_78(config):
    """an unknown file key … exit[s] 78; … names the key … and the nearest known name"""
    line = refused(run("config", "check", "--config", config("maxMesageBytes: 5\n")), 78)
    assert "maxMesageBytes" in line
    assert "maxMessageBytes" in line


@pytest.mark.parametrize("text", ["maxHistory: [\n", "- a\n- b\n", "maxHistory: {a: 1}\n", "just words\n"])
def test_a_file_of_the_wrong_shape_exits_78(config, text):
    """a bad value anywhere … exit[s] 78"""
    refused(run("config", "check", "--config", config(text)), 78)


def test_a_file_that_is_not_there_exits_78():
    """a bad value anywhere … exit[s] 78"""
    refused(run("config", "check", "--config", "no-such-file.yaml"), 78, "no-such-file.yaml")


def test_an_empty_file_is_a_file(config):
    """`--config`: nothing in it, nothing changed"""
    assert printed(run("config", "print", "--config", config("")), "max-history") == 1000


def test_an_unknown_variable_is_a_warning():
    """An unknown `ROOST_…` variable is a warning"""
    result = run("config", "check", env={"ROOST_MAX_MESAGE_BYTES": "5"})
    assert result.returncode == 0
    assert "ROOST_MAX_MESAGE_BYTES" in result.stderr


def test_serve_warns_of_an_unknown_variable_and_starts(start_node):
    """An unknown `ROOST_…` variable is a warning"""
    node = start_node(env={"ROOST_NO_SUCH_THING": "5"})
    assert node.http.get("/ready").status_code == 200
    assert "ROOST_NO_SUCH_THING" in node.stderr()


def test_what_kubernetes_injects_is_ignored():
    """what Kubernetes injects for a service called roost (`ROOST_PORT=tcp://…`, `ROOST_SERVICE_*`) is ignored"""
    env = {
        "ROOST_PORT": "tcp://10.0.0.1:8080", "ROOST_SERVICE_HOST": "10.0.0.1", "ROOST_SERVICE_PORT": "8080",
        "ROOST_SERVICE_PORT_HTTP": "8080", "ROOST_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "ROOST_PORT_8080_TCP_PROTO": "tcp", "ROOST_PORT_8080_TCP_PORT": "8080", "ROOST_PORT_8080_TCP_ADDR": "10.0.0.1",
    }
    result = run("config", "print", env=env)
    assert printed(result, "port") == 8080
    assert "ROOST_" not in result.stderr


def test_secrets_and_urls_can_lie_in_files(tmp_path):
    """(secrets and URLs also `…_FILE`)"""
    secret = tmp_path / "store-url"
    secret.write_text("sqlite:from-a-file.db\n")
    result = run("config", "print", env={"ROOST_STORE_FILE": str(secret)})
    assert result.returncode == 0, result.stderr
    assert "sqlite:from-a-file.db" in result.stdout


def test_serve_reads_its_store_from_a_file(start_node, tmp_path):
    """(secrets and URLs also `…_FILE`)"""
    secret = tmp_path / "store-url"
    secret.write_text(f"sqlite:{tmp_path}/from-a-file.db\n")
    start_node(store=None, env={"ROOST_STORE_FILE": str(secret)})
    assert (tmp_path / "from-a-file.db").exists()


def test_a_file_variable_that_leads_nowhere_exits_78():
    """a bad value anywhere … exit[s] 78"""
    refused(run("config", "check", env={"ROOST_STORE_FILE": "no-such-file"}), 78, "no-such-file")


@pytest.mark.parametrize("command", ["check", "print"])
def test_secrets_are_masked(command):
    """prints the effective one, secrets masked"""
    env = {"ROOST_BUS": "redis://user:hunter2@127.0.0.1:6379", "ROOST_STORE": "sqlite:a.db"}
    result = run("config", command, env=env)
    assert "hunter2" not in result.stdout + result.stderr


@pytest.mark.parametrize("options", [["--bus", "redis://127.0.0.1:6379"], ["--queue", "amqp://guest:guest@127.0.0.1/"]])
def test_a_memory_store_cannot_be_shared(options):
    """Refused at the start (exit 78) …: `memory:` with a shared bus or a queue"""
    refused(run("serve", "--port", "0", "--store", "memory:", *options), 78)


@PLACES
def test_a_kind_of_room_in_memory_cannot_be_shared(config, place):
    """Refused at the start (exit 78), since they can't keep the promises: a shared bus, and `kinds: log: memory`"""
    kinds = 'kinds: [{match: "news:*", log: stored}, {match: "game:*", log: memory}]\n'
    bus = "redis://user:hunter2@127.0.0.1:6379"
    more, text, env = {
        "flag": (["--bus", bus], kinds, None), "environment": ([], kinds, {"ROOST_BUS": bus}),
        "file": ([], f"bus: {bus}\n{kinds}", None),
    }[place]
    command = ["serve", "--port", "0", "--store", "sqlite:shared.db", "--config", config(text)]
    line = refused(run(*command, *more, env=env), 78, {"environment": "ROOST_BUS"}.get(place, "bus"), "game:*")
    assert "log is memory" in line and "make it log: stored" in line
    assert "news" not in line and "hunter2" not in line
    # Neither without the bus nor without that kind is there anything to refuse.
    assert run("config", "check", "--config", config(kinds)).returncode == 0
    assert run("config", "check", "--config", config(kinds.replace("memory", "stored")), "--bus", bus).returncode == 0


@pytest.mark.parametrize("args", [["no-such-command"], ["config", "no-such-command"]])
def test_an_unknown_command_is_refused(args):
    """A bad flag exits 64: a bad command too"""
    assert run(*args).returncode == 64
