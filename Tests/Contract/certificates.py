"""Certificates for tests, made by the `openssl` command."""

import pathlib
import ssl
import subprocess
from typing import NamedTuple

KINDS = {"ec": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"]}
NAMES = "subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost"


class Pair(NamedTuple):
    """Two PEM files, and the file of what a client trusts instead of the world's authorities."""

    cert: pathlib.Path
    key: pathlib.Path
    root: pathlib.Path

    @property
    def flags(self):
        return ["--tls-cert", str(self.cert), "--tls-key", str(self.key)]


def openssl(*args):
    done = subprocess.run(["openssl", *map(str, args)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def make(directory, name, kind="ec", issuer=None, is_authority=False):
    """A certificate that is good for one day and for loopback, signed by itself or by the pair `issuer`."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    cert, key = directory / f"{name}.crt", directory / f"{name}.key"
    signing = ["-CA", issuer.cert, "-CAkey", issuer.key] if issuer else []
    openssl("req", "-x509", "-newkey", *KINDS[kind], "-nodes", "-days", 1, "-keyout", key, "-out", cert,
            "-subj", f"/CN={name}", "-addext", f"basicConstraints=critical,CA:{str(is_authority).upper()}",
            "-addext", NAMES, *signing)
    return Pair(cert, key, issuer.root if issuer else cert)


def make_chain(directory):
    """A certificate with its issuer's behind it; only the issuer's issuer is trusted."""
    root = make(directory, "root", is_authority=True)
    between = make(directory, "between", issuer=root, is_authority=True)
    leaf = make(directory, "leaf", issuer=between)
    leaf.cert.write_bytes(leaf.cert.read_bytes() + between.cert.read_bytes())
    return leaf


def make_expired(directory):
    """A certificate that was good until yesterday."""
    pair, request = make(directory, "expired"), pathlib.Path(directory) / "request.csr"
    openssl("req", "-new", "-key", pair.key, "-subj", "/CN=expired", "-addext", NAMES, "-out", request)
    openssl("x509", "-req", "-in", request, "-signkey", pair.key, "-days", -1, "-copy_extensions", "copyall",
            "-out", pair.cert)
    return pair


def encrypted(pair, *how):
    """The pair with its key under a password; `how` names another form of it."""
    key = pair.key.with_suffix(".encrypted")
    openssl(*(how or ["pkey"]), "-in", pair.key, "-aes256", "-passout", "pass:secret", "-out", key)
    return pair._replace(key=key)


def trust(pair):
    """A client's settings by which only this pair's root is trusted."""
    return ssl.create_default_context(cafile=str(pair.root))


def der(pair):
    """The certificate that is served, as bytes."""
    return ssl.PEM_cert_to_DER_cert(pair.cert.read_text().split("-----END CERTIFICATE-----")[0]
                                    + "-----END CERTIFICATE-----\n")
