"""Pacemaker and Corosync in the lab: Debian's daemons and agents on the same nodes, switch, disk and power.

There is no init system on a node of the lab: `corosync` detaches itself once it is ready, `pacemakerd` is then
started as its unit would.
"""

import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from lxml import etree

from lab.namespaces.lab import Lab
from lab.namespaces.node import LabError, Node

TOOLS = "/usr/sbin"
COROSYNC_LOG = "/var/log/corosync-lab.log"
PACEMAKER_LOG = "/var/log/pacemaker-lab.log"
POLL_S = 0.05

_NEEDED = ("corosync", "pacemakerd", "cibadmin", "crm_resource", "crm_mon", "crm_simulate")
_STATE = ("/var/lib/pacemaker/cib", "/var/lib/pacemaker/pengine", "/var/lib/corosync")
_ENVIRONMENT = {
    # Not ours: the peer's agents call the peer's tools.
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "PCMK_logfile": PACEMAKER_LOG,
    "PCMK_logfacility": "none",
}
_LOST = re.compile(r"^(\w+ +\d+ [\d:.]+) .*Members(?: joined: [\d ]+)? left: ")
_IDLE = re.compile(r"^(\w+ +\d+ [\d:.]+) .*State transition \S+ -> S_IDLE")


def missing() -> str:
    """Why there is no peer on this machine; empty when there is one."""
    absent = [tool for tool in _NEEDED if shutil.which(tool, path=TOOLS) is None]
    if absent:
        return f"{', '.join(absent)} not found in {TOOLS} (Debian: pacemaker, pacemaker-cli-utils, corosync)"
    return ""


def versions() -> str:
    """What the peer is."""
    pacemaker = subprocess.run([f"{TOOLS}/pacemakerd", "--version"], capture_output=True, text=True, check=False)
    corosync = subprocess.run([f"{TOOLS}/corosync", "-v"], capture_output=True, text=True, check=False)
    number = re.search(r"[\d.]+", corosync.stdout)
    return f"{pacemaker.stdout.splitlines()[0]}, Corosync {number.group() if number else '?'}"


class Peer:
    """A Pacemaker cluster on the nodes of a lab."""

    def __init__(self, lab: Lab, *, token_ms: int = 1000) -> None:
        """Lay the files; the nodes are off. `token_ms`: silence after which Corosync declares a token lost."""
        self.lab = lab
        for node in lab.nodes.values():
            directory = node.file("/etc/corosync")
            directory.mkdir(parents=True, exist_ok=True)
            (directory / "corosync.conf").write_text(corosync_conf(lab, token_ms))

    def boot(self, name: str, cib: str = "") -> None:
        """Power on with what a freshly installed node has; `cib` is laid as its cib.xml."""
        node = self.lab[name]
        first = not node.file("/var/lib/pacemaker").exists()
        node.boot()
        # Each machine has shared memory of its own; the lab's nodes do not need it otherwise.
        node.run(["mount", "-t", "tmpfs", "tmpfs", "/dev/shm"])
        if not first:
            return
        for directory in _STATE:
            node.run(["sh", "-c", f"mkdir -p {directory} && rm -rf {directory}/*"])
        if cib:
            path = "/var/lib/pacemaker/cib/cib.xml"
            node.run(["sh", "-c", f"cat >{path} && chown hacluster:haclient {path} && chmod 600 {path}"], stdin=cib)

    def start(self, names: Iterable[str]) -> None:
        """Start the daemons of several nodes at once. Raises CommandFailed."""
        chosen = [self.lab[name] for name in names]
        with ThreadPoolExecutor(max_workers=len(chosen)) as pool:
            for started in [pool.submit(_start, node) for node in chosen]:
                started.result()

    def tool(self, name: str, *argv: str, stdin: str = "", check: bool = True) -> str:
        """What one of the peer's tools prints on a node."""
        command = [f"{TOOLS}/{argv[0]}", *argv[1:]]
        return self.lab[name].run(command, stdin=stdin, check=check, env=_ENVIRONMENT).stdout

    def load(self, name: str, section: str, xml: str) -> None:
        """Replace a section of the configuration."""
        self.tool(name, "cibadmin", "--replace", "--scope", section, "--xml-pipe", stdin=xml)

    def settle(self, name: str, *, online: int, active: dict[str, str] | None = None, timeout_s: float = 90) -> None:
        """Wait until so many nodes are online, the resources are where `active` says, and nothing is left to do."""
        deadline = time.monotonic() + timeout_s
        while True:
            seen, where = self.status(name)
            if seen == online and (active is None or where == active):
                break
            if time.monotonic() > deadline:
                raise LabError(f"the peer does not settle: {seen} nodes online, resources {where}")
            time.sleep(POLL_S)
        self.tool(name, "crm_resource", "--wait")

    def status(self, name: str) -> tuple[int, dict[str, str]]:
        """(Nodes online, resource -> node where it is active), as crm_mon tells it; (0, {}) while it can't."""
        text = self.tool(name, "crm_mon", "-1", "--output-as=xml", check=False)
        try:
            root = etree.fromstring(text.encode())
        except etree.XMLSyntaxError:
            return 0, {}
        online = len(root.findall("nodes/node[@online='true'][@pending='false']"))
        active = {
            str(resource.get("id")): str(place.get("name"))
            for resource in root.iter("resource")
            for place in resource.findall("node")
        }
        return online, active

    def coordinator(self, name: str) -> str:
        """The DC's name; empty when there is none."""
        root = etree.fromstring(self.tool(name, "crm_mon", "-1", "--output-as=xml").encode())
        found = root.find("summary/current_dc")
        return str(found.get("name", "")) if found is not None else ""

    def lost_at(self, name: str, since_ms: int) -> int | None:
        """When Corosync on this node installed a membership without its peer, after `since_ms`."""
        return next((at for at in _times(self.lab[name], COROSYNC_LOG, _LOST) if at >= since_ms), None)

    def idle_at(self, since_ms: int) -> int | None:
        """When a DC last found nothing left to do, after `since_ms`."""
        found = [at for node in self.lab.nodes.values() for at in _times(node, PACEMAKER_LOG, _IDLE) if at >= since_ms]
        return max(found, default=None)


def corosync_conf(lab: Lab, token_ms: int) -> str:
    """A configuration as administrators have it: kronosnet, votequorum, a token of one second."""
    nodes = "".join(
        f"    node {{\n        name: {node.name}\n        nodeid: {number}\n"
        f"        ring0_addr: {node.address}\n    }}\n"
        for number, node in enumerate(lab.nodes.values(), 1)
    )
    two_node = "    two_node: 1\n    wait_for_all: 0\n" if len(lab.nodes) == 2 else ""
    return (
        "totem {\n    version: 2\n    cluster_name: lab\n    transport: knet\n    crypto_cipher: none\n"
        f"    crypto_hash: none\n    token: {token_ms}\n}}\n"
        f"logging {{\n    to_logfile: yes\n    logfile: {COROSYNC_LOG}\n    to_syslog: no\n    to_stderr: no\n"
        "    timestamp: hires\n}\n"
        f"quorum {{\n    provider: corosync_votequorum\n{two_node}}}\n"
        f"nodelist {{\n{nodes}}}\n"
    )


def _start(node: Node) -> None:
    node.run([f"{TOOLS}/corosync"], env=_ENVIRONMENT)
    node.run(["sh", "-c", f"exec {TOOLS}/pacemakerd </dev/null >/dev/null 2>&1 &"], env=_ENVIRONMENT)


def _times(node: Node, log: str, pattern: re.Pattern[str]) -> Iterator[int]:
    """Instants of the log's matching lines, in milliseconds of CLOCK_BOOTTIME; the log has wall time without a year."""
    path = node.file(log)
    if not path.exists():
        return
    offset_s = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    year = time.localtime().tm_year
    for line in path.read_text(errors="replace").splitlines():
        match = pattern.match(line)
        if match:
            wall = datetime.strptime(f"{year} {match.group(1)}", "%Y %b %d %H:%M:%S.%f").astimezone()
            yield round((wall.timestamp() - offset_s) * 1000)
