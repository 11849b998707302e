"""TLS: the files of the certificate and its key, right, wrong and changing."""

import os
import signal
import socket
import ssl

import pytest

import certificates
from certificates import der
from checks import eventually
from roost_node import run
from test_tls import complaints

REFUSED = "can't be used"
UNCHANGED = "files are as before"
# Two looks at the files, and what lies between.
NOTICED = 15


def served(node):
    """The certificate that a new connection is shown, whatever it is."""
    anything = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anything.check_hostname, anything.verify_mode = False, ssl.CERT_NONE
    with anything.wrap_socket(socket.create_connection(("127.0.0.1", node.port), timeout=10)) as sock:
        return sock.getpeercert(binary_form=True)


def replace(pair, by):
    """Puts other files in the place of a pair's, each at once."""
    for old, new in ((pair.cert, by.cert), (pair.key, by.key)):
        fresh = old.with_suffix(".fresh")
        fresh.write_bytes(new.read_bytes())
        os.replace(fresh, old)


def hang_up(node):
    node.process.send_signal(signal.SIGHUP)


@pytest.fixture
def pairs(tmp_path):
    """Two pairs; the first is what a node is started with."""
    return [certificates.make(tmp_path / "pairs", name) for name in ("first", "second")]


# MARK: Changing


def test_a_new_certificate(start_node, native, pairs, room):
    """the files are looked at from time to time: new connections get the new certificate, old ones go on"""
    first, second = pairs
    node = start_node(tls=first)
    old = native(node)
    old.join(room)
    assert served(node) == der(first)
    expected = der(second)
    replace(first, by=second)
    eventually(lambda: served(node) == expected, NOTICED, "the new certificate")
    assert old.publish(room, "still here")["seq"] == 1
    assert "new connections are served with them" in node.stderr()
    # One file was replaced a moment before the other, which nobody need be told of.
    assert complaints(node) == []


def test_sighup(start_node, pairs):
    """SIGHUP: they are looked at at once"""
    first, second = pairs
    node, expected = start_node(tls=first), der(second)
    hang_up(node)
    eventually(lambda: UNCHANGED in node.stderr())
    replace(first, by=second)
    hang_up(node)
    eventually(lambda: served(node) == expected)


def test_links_that_are_swapped(start_node, pairs, tmp_path):
    """as Kubernetes does it: the paths stay, and a link on the way leads elsewhere from one moment to the next"""
    first, second = pairs
    volume = tmp_path / "volume"
    for number, pair in enumerate(pairs):
        folder = volume / f"..{number}"
        folder.mkdir(parents=True)
        (folder / "tls.crt").write_bytes(pair.cert.read_bytes())
        (folder / "tls.key").write_bytes(pair.key.read_bytes())
    (volume / "..data").symlink_to("..0")
    for name in ("tls.crt", "tls.key"):
        (volume / name).symlink_to(f"..data/{name}")
    node = start_node(tls=first._replace(cert=volume / "tls.crt", key=volume / "tls.key"))
    assert served(node) == der(first)
    (volume / "..next").symlink_to("..1")
    os.replace(volume / "..next", volume / "..data")
    eventually(lambda: served(node) == der(second), NOTICED, "the new certificate")
    assert complaints(node) == []


def mismatch(first, second):
    first.cert.write_bytes(second.cert.read_bytes())
    return "not the one of the first certificate"


def half(first, _):
    first.cert.write_bytes(first.cert.read_bytes()[:300])
    return "is damaged"


def emptied(first, _):
    first.key.write_bytes(b"")
    return "no private key"


def gone(first, _):
    first.key.unlink()
    return "can't be read"


def locked(first, _):
    first.key.write_bytes(certificates.encrypted(first).key.read_bytes())
    return "encrypted"


@pytest.mark.parametrize("spoil", [mismatch, half, emptied, gone, locked], ids=lambda spoil: spoil.__name__)
def test_a_bad_pair_is_refused(start_node, native, pairs, spoil):
    """a new pair that is bad is refused with one clear line, the old one stays, and it is tried again when the files
    change again"""
    first, second = pairs
    node, before = start_node(tls=first), der(first)
    reason = spoil(first, second)
    eventually(lambda: REFUSED in node.stderr(), NOTICED, "the refusal")
    (line,) = complaints(node)
    assert reason in line and str(first.cert if reason in ("is damaged",) else first.key) in line
    # Nothing has changed since, so nothing is said of it again.
    for _ in range(2):
        seen = node.stderr().count(UNCHANGED)
        hang_up(node)
        eventually(lambda: node.stderr().count(UNCHANGED) > seen)
    assert node.stderr().count(REFUSED) == 1
    assert served(node) == before
    native(node).ping()
    replace(first, by=second)
    eventually(lambda: served(node) == der(second), NOTICED, "the good one")


def test_changing_all_the_time(start_node, pairs, tmp_path):
    """certificate and key are read together and checked before the swap: no connection meets a broken pair"""
    first, second = pairs
    spare = certificates.make(tmp_path / "spare", "spare")
    replace(spare, by=first)
    known = {der(first), der(second)}
    node, seen = start_node(tls=first), set()
    for turn in range(40):
        replace(first, by=spare if turn % 2 else second)
        hang_up(node)
        seen |= {served(node) for _ in range(3)}
    assert seen <= known
    eventually(lambda: served(node) == der(spare), NOTICED, "the last one")


# MARK: Wrong from the start


def refusal(*args, **options):
    """The one line by which a node ends that can't start."""
    result = run("serve", "--port", "0", "--store", "memory:", *map(str, args), **options)
    assert result.returncode == 78, result.stderr
    assert result.stdout == ""
    # What was logged before it is not about this.
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("roost: ")]
    return line


def test_one_without_the_other(certificate):
    """both or neither"""
    assert "--tls-key too" in refusal("--tls-cert", certificate.cert)
    assert "ROOST_TLS_KEY" in refusal(env={"ROOST_TLS_KEY": str(certificate.key)})
    assert "--tls-cert too" in refusal("--tls-key", certificate.key)


def test_files_that_are_not_there(certificate, tmp_path):
    """a missing file: its name, and what to do"""
    cert, key = ["--tls-cert", certificate.cert], ["--tls-key", certificate.key]
    for flag, other in (("--tls-cert", key), ("--tls-key", cert)):
        line = refusal(flag, tmp_path / "nowhere.pem", *other)
        assert flag in line and "nowhere.pem" in line and "No such file" in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_files_that_may_not_be_read(pairs):
    """an unreadable file"""
    pairs[0].key.chmod(0)
    assert "Permission denied" in refusal(*pairs[0].flags)


def test_what_is_no_file(certificate, tmp_path):
    """a directory instead of a file; a file in another form"""
    assert "directory" in refusal("--tls-cert", tmp_path, "--tls-key", certificate.key).lower()
    binary = tmp_path / "cert.der"
    binary.write_bytes(der(certificate))
    assert "PEM" in refusal("--tls-cert", binary, "--tls-key", certificate.key)


def test_files_without_what_is_sought(certificate, tmp_path):
    """no PEM inside; the two files confused with each other"""
    prose = tmp_path / "prose.pem"
    prose.write_text("Dear reader,\n")
    line = refusal("--tls-cert", prose, "--tls-key", certificate.key)
    assert "prose.pem" in line and "no certificate" in line
    line = refusal("--tls-cert", certificate.cert, "--tls-key", prose)
    assert "prose.pem" in line and "no private key" in line
    assert "no certificate" in refusal("--tls-cert", certificate.key, "--tls-key", certificate.cert)


def test_damaged_files(pairs):
    """a certificate or a key that can't be understood"""
    first, second = pairs
    damaged = first.cert.with_suffix(".damaged")
    for path, flags in ((first.cert, lambda: ["--tls-cert", damaged, "--tls-key", first.key]),
                        (first.key, lambda: ["--tls-cert", first.cert, "--tls-key", damaged])):
        lines = path.read_text().splitlines()
        damaged.write_text("\n".join([lines[0], lines[1][:-20] + "A" * 20, *lines[2:]]) + "\n")
        line = refusal(*flags())
        assert str(damaged) in line and "in it is damaged" in line


def test_a_damaged_chain(pairs):
    """one of the certificates behind the first can't be understood"""
    first, second = pairs
    with first.cert.open("a") as file:
        file.write(second.cert.read_text()[:200])
    assert "in it is damaged" in refusal(*first.flags)


def test_a_key_of_another_certificate(pairs):
    """a key that doesn't fit the certificate; also a chain in the wrong order"""
    first, second = pairs
    line = refusal("--tls-cert", first.cert, "--tls-key", second.key)
    assert str(first.cert) in line and str(second.key) in line and "not the one" in line
    first.cert.write_bytes(second.cert.read_bytes() + first.cert.read_bytes())
    assert "not the one" in refusal(*first.flags)


@pytest.mark.parametrize("how", [["pkey"], ["ec"]])
def test_an_encrypted_key(certificate, tmp_path, how):
    """an encrypted key, in either form: nobody is asked for a password"""
    copy = certificate._replace(key=tmp_path / "copy.key")
    copy.key.write_bytes(certificate.key.read_bytes())
    locked_up = certificates.encrypted(copy, *how)
    line = refusal(*locked_up.flags)
    assert str(locked_up.key) in line and "the key is encrypted" in line and "openssl pkey" in line


def test_an_expired_certificate(start_node, tmp_path):
    """an expired certificate is warned of, not refused"""
    expired = certificates.make_expired(tmp_path / "expired")
    node = start_node(tls=expired)
    (line,) = complaints(node)
    assert str(expired.cert) in line and "expired" in line
    assert served(node) == der(expired)


def test_the_paths_are_shown(certificate):
    """`roost config print`: the paths, which are no secrets"""
    result = run("config", "print", *certificate.flags)
    assert result.returncode == 0
    assert f"tlsCert: {certificate.cert}" in result.stdout
    assert f"tlsKey: {certificate.key}" in result.stdout
