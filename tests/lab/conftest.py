"""Clusters of the namespace lab for tests: resources that keep a journal, and a fence device that cuts the power."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from lab.namespaces.journal import double_starts, read
from lab.namespaces.lab import Lab, available
from lab.observer import Observer, Sight
from tests.lab.kept_inputs import KeptInputs

KEYS = "auth 1\n1 sha256 a-secret-of-the-lab\n"
RESOURCES = ("one", "two", "three", "four")


def ha_cf(names: list[str], *, initdead: int = 4, extra: str = "") -> str:
    """The messaging layer of the tests: a heartbeat every 200 ms, dead after one second."""
    return (
        "logfile /var/log/ha-log\nkeepalive 200ms\nwarntime 500ms\ndeadtime 1\n"
        f"initdead {initdead}\nudpport 694\nbcast eth0\nauto_failback on\n{extra}node {' '.join(names)}\n"
    )


def logged(name: str, lab: Lab, *, interval: str = "1s", timeout: str = "3s") -> str:
    """A primitive of the lab's agent."""
    return (
        f'<primitive id="{name}" class="ocf" provider="lab" type="Logged">'
        f'<instance_attributes id="{name}-ia"><nvpair id="{name}-lab" name="lab" value="{lab.directory}"/>'
        f'</instance_attributes><operations><op id="{name}-monitor" name="monitor" interval="{interval}" '
        f'timeout="{timeout}"/><op id="{name}-start" name="start" interval="0" timeout="5s"/>'
        f'<op id="{name}-stop" name="stop" interval="0" timeout="5s"/></operations></primitive>'
    )


def cib(lab: Lab, *, fencing: bool, first: str) -> str:
    """A group of two resources that prefers node `first`, and two single ones, one after the other."""
    names = list(lab.nodes)
    device = (
        '<primitive id="power" class="stonith" type="fence_lab"><instance_attributes id="power-ia">'
        f'<nvpair id="power-socket" name="socket" value="{lab.directory}/power"/>'
        f'<nvpair id="power-hosts" name="pcmk_host_list" value="{" ".join(names)}"/>'
        "</instance_attributes></primitive>"
    )
    nodes = "".join(f'<node id="{name}" uname="{name}"/>' for name in names)
    return f"""<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0"><configuration>
<crm_config><cluster_property_set id="cib-bootstrap-options">
<nvpair id="opt-fencing" name="stonith-enabled" value="{str(fencing).lower()}"/>
</cluster_property_set></crm_config>
<nodes>{nodes}</nodes>
<resources>{device if fencing else ""}
<group id="service">{logged("one", lab)}{logged("two", lab)}</group>
{logged("three", lab)}{logged("four", lab)}</resources>
<constraints><rsc_location id="prefer" rsc="service" node="{first}" score="100"/>
<rsc_order id="then" first="three" then="four"/></constraints>
<rsc_defaults><meta_attributes id="defaults">
<nvpair id="stickiness" name="resource-stickiness" value="1"/>
</meta_attributes></rsc_defaults>
</configuration><status/></cib>
"""


class TestCluster:
    """A lab with a running cluster, watched from every node that is on."""

    __test__ = False

    def __init__(self, lab: Lab, names: list[str]) -> None:
        self.lab = lab
        self.names = names
        self._observers: dict[str, Observer] = {}

    def observer(self, name: str) -> Observer:
        """A watch on one node, made at its first use."""
        if name not in self._observers:
            self._observers[name] = Observer(lambda: self.lab[name].directories())
        return self._observers[name]

    def wait(
        self, what: str, condition: Callable[[Sight], bool], *, on: str, since: int = 0, timeout_s: float = 30.0
    ) -> Sight:
        """Wait until a node's view of the cluster meets a condition; its log comes with the error."""
        try:
            return self.observer(on).wait(what, condition, since, timeout_s)
        except TimeoutError as error:
            log = self.lab[on].file("/var/log/ha-log")
            tail = log.read_text(errors="replace")[-6000:] if log.exists() else "(no log)"
            raise AssertionError(f"{error}\n--- log of {on}\n{tail}") from error

    def wait_running(self, *, on: str, since: int = 0, timeout_s: float = 30.0) -> Sight:
        """Wait until every resource of the test configuration runs somewhere and the DC is idle."""
        return self.wait(
            "everything runs",
            lambda sight: sight.idle and set(RESOURCES) <= set(sight.placements),
            on=on,
            since=since,
            timeout_s=timeout_s,
        )

    def close(self) -> None:
        """Stop watching."""
        for observer in self._observers.values():
            observer.close()


ClusterMaker = Callable[..., TestCluster]


@pytest.fixture(scope="session")
def kept_inputs() -> KeptInputs:
    """The inputs that the policy engines of all tests kept, for `test_written_inputs`."""
    return KeptInputs()


@pytest.fixture(autouse=True)
def inputs_are_kept(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, kept_inputs: KeptInputs) -> None:
    """Whatever lab a test makes, its inputs are collected before its directory goes."""
    close = Lab.close

    def collect_and_close(lab: Lab) -> None:
        kept_inputs.collect(lab, request.node.name)
        close(lab)

    monkeypatch.setattr(Lab, "close", collect_and_close)
    return


@pytest.fixture
def make_cluster() -> Iterator[ClusterMaker]:
    """Returns a function that makes a running cluster; afterwards no resource may ever have been active twice."""
    reason = available()
    if reason:
        pytest.skip(f"the lab can't run here: {reason}")
    with ExitStack() as stack:
        clusters: list[TestCluster] = []

        def make(count: int = 2, *, fencing: bool = True, start: bool = True, initdead: int = 4) -> TestCluster:
            names = [f"node{number}" for number in range(1, count + 1)]
            lab = stack.enter_context(Lab.create(names))
            lab.write_cluster_files(ha_cf(names, initdead=initdead), KEYS)
            lab.write_cib(cib(lab, fencing=fencing, first=names[0]))
            lab.boot()
            cluster = TestCluster(lab, names)
            stack.callback(cluster.close)
            clusters.append(cluster)
            if start:
                lab.start()
                cluster.wait_running(on=names[0])
            return cluster

        yield make
        for cluster in clusters:
            assert double_starts(read(cluster.lab.journal)) == []
