"""Nodes of a cluster behind a load balancer, with the helpers and fixtures of Tests/Contract and Tests/Browser."""

import functools
import importlib.util
import pathlib
import sys

import pytest

CONTRACT = pathlib.Path(__file__).parents[1] / "Contract"
sys.path.insert(0, str(CONTRACT))


def _load(name, path):
    """All folders have a conftest; the others are known by other names here."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


_load("contract", CONTRACT / "conftest.py")
_load("browser", CONTRACT.parent / "Browser" / "conftest.py")

from contract import alice, bob, name, room  # noqa: E402, F401

from balancers import HAProxy, Nginx  # noqa: E402
from cluster import Cluster  # noqa: E402


@pytest.fixture
def cluster(tmp_path):
    """Redis, and three nodes on one SQLite file; the place of a fourth is free."""
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.stop()


@pytest.fixture
def balance_before(tmp_path):
    """Starts a load balancer before a cluster: balance_before(cluster, Nginx, LB_STICKY="off", …)."""
    running = []

    def start(cluster, kind=HAProxy, **variables):
        balancer = kind(tmp_path / f"balancer-{len(running)}", cluster.addresses, **variables)
        running.append(balancer)
        return balancer

    yield start
    for balancer in running:
        balancer.stop()


@pytest.fixture
def balance(cluster, balance_before):
    """Starts a load balancer before `cluster`: balance(Nginx, LB_STICKY="off", …)."""
    return functools.partial(balance_before, cluster)


@pytest.fixture(params=[HAProxy, Nginx], ids=["haproxy", "nginx"])
def kind(request):
    """Each load balancer in turn."""
    return request.param
