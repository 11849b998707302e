"""The whole command with a stand-in for Roost, the generator and the peers: what it runs, prints and keeps."""

import json

import compare
from comparison import servers


def test_table_and_raw_results(stub, capsys, tmp_path):
    raw = tmp_path / "raw.json"
    code, _ = stub(compare, "--peers", "nchan,node-ws", "--only", "fanout-64,burst-64", "--rounds", "2",
                   "--json", str(raw))
    page = capsys.readouterr().out
    assert code == 0
    assert "a peer that is none; a peer that is none; roost 0.0.0 (commit stub). Medians of 2 round(s) of 1 s" in page
    assert "| – | 8.00 µs | 4.00 µs | 0.50× | ≤ 0.85× | yes | – | ≤ 1.05× | – |" in page
    assert "| – | 100,000/s | 200,000/s | 2.00× | ≥ 12× | **no** | – | ≥ 1× | – |" in page
    assert "- burst-64, roost: the generator itself was the bottleneck (2×)" in page
    kept = json.loads(raw.read_text())
    assert [(m["round"], m["row"], m["server"]) for m in kept["measurements"]][:6] == [
        (1, "fanout-64", "node-ws"), (1, "fanout-64", "roost"), (1, "fanout-64", "nchan"),
        (1, "burst-64", "node-ws"), (1, "burst-64", "roost"), (1, "burst-64", "nchan")]
    assert kept["measurements"][0]["figures"]["server CPU per delivery"] == 16


def test_arguments_of_the_generator(stub):
    _, calls = stub(compare, "--peers", "nchan", "--only", "rooms,echo,idle,churn")
    shapes = sorted(call.replace(call.split()[2], "URL").rpartition(" --pid ")[0] for call in calls)
    idle = min(19_000, servers.raise_open_files() - compare.FILES_BESIDES)
    assert shapes == sorted([
        *["echo --url URL --connections 100 --in-flight 1 --size 64 --seconds 1"] * 2,
        *[f"{benchmark} --url URL --dialect {dialect} {more}" for dialect in ("native", "pubsub")
          for benchmark, more in (("fanout", "--rooms 20 --readers 50 --size 64 --in-flight 1 --seconds 1"),
                                  ("idle", f"--connections {idle}"), ("churn", "--connections 50 --seconds 1"))]])
    paths = {call.split()[2].partition(":")[2].partition(":")[2].partition("/")[2] for call in calls}
    assert paths == {"ps/", "ws", "echo"}


def test_half_load_is_half_of_its_own_maximum(stub):
    _, calls = stub(compare, "--peers", "nchan", "--only", "p99")
    loads = [call.partition("--size 64 ")[2].partition(" --pid")[0] for call in calls]
    # In the first round Roost is second of two, and so measured first.
    assert loads == ["--in-flight 4 --seconds 1", "--seconds 1 --rate 100",
                     "--in-flight 4 --seconds 1", "--seconds 1 --rate 50"]


def test_a_peer_without_an_echo_is_left_out(stub, capsys):
    code, calls = stub(compare, "--peers", "nats", "--only", "echo")
    assert code == 0 and len(calls) == 1
    assert "| – | 2.00 |" in capsys.readouterr().out


def test_losses_of_roost_are_an_error(stub, capsys, monkeypatch):
    monkeypatch.setenv("STUB_FAULT", "native")
    code, _ = stub(compare, "--peers", "nchan", "--only", "fanout-64")
    assert code == 1
    assert "- fanout-64, roost: **not counted**: 3 deliveries were lost (1×)" in capsys.readouterr().out


def test_a_generator_that_fails_is_told_of(stub, capsys, monkeypatch):
    monkeypatch.setenv("STUB_SILENT", "pubsub")
    code, _ = stub(compare, "--peers", "nchan", "--only", "p99")
    assert code == 0
    assert "- p99, nchan: **not counted**: the generator ended with 1 and said: roost: it went wrong (1×)" in (
        capsys.readouterr().out)


def test_a_server_that_does_not_start(stub, capsys, monkeypatch, tmp_path):
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho no luck\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(servers, "START_PEER", broken)
    stub(compare, "--peers", "nchan", "--only", "churn")
    assert "- churn, nchan: **not counted**: nchan ended with 3: no luck (1×)" in capsys.readouterr().out


def test_without_a_program(stub, capsys, monkeypatch):
    monkeypatch.setenv("ROOST_BIN", "/nowhere/roost")
    assert stub(compare)[0] == 2
    assert "Set ROOST_BIN" in capsys.readouterr().err
