"""IPaddr2 and Filesystem as far as no kernel is needed: parameters, packets, the table of mounts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ocf import Filesystem, IPaddr2
from ocf.agent import Exit
from ocf.arp import gratuitous_frames
from ocf.mount_users import users_of
from ocf.mounts import is_surely_other, mounted_at, mounted_below, parse_mountinfo
from tests.unit.ocf.call import call

MOUNTINFO = """\
22 1 252:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
23 22 0:21 / /proc rw - proc proc rw
40 22 7:0 / /srv/a\\040b rw,relatime shared:5 master:2 - ext4 /dev/loop0 rw
41 40 0:50 / /srv/a\\040b/in rw - tmpfs tmpfs rw
42 22 0:51 /sub /srv/bound rw - ext4 /dev/vda1 rw
43 22 0:52 / /srv/a\\040b rw - nfs4 filer:/export/ rw
not a line of the table
"""


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"ip": "10.0.0.256"}, "parameter ip: '10.0.0.256' is no IPv4 or IPv6 address"),
        ({"ip": "10.0.0.1", "cidr_netmask": "33"}, "'33' is no prefix length from 1 to 32"),
        ({"ip": "10.0.0.1", "cidr_netmask": "255.0.255.0"}, "'255.0.255.0' is no prefix length"),
        ({"ip": "fd00::1", "cidr_netmask": "255.255.0.0"}, "is no prefix length from 1 to 128"),
        ({"ip": "10.0.0.1", "arp_count": "x"}, "parameter arp_count: 'x' is not a whole number"),
        ({"nic": "eth0"}, "parameter ip is required"),
    ],
)
def test_wrong_parameters_of_ipaddr2_are_named(parameters: dict[str, str], reason: str) -> None:
    said = call(IPaddr2.AGENT, "validate-all", parameters)
    assert said.code == Exit.NOT_CONFIGURED
    assert reason in said.errors


@pytest.mark.parametrize("mask", ["", "24", "255.255.255.0"])
def test_masks_may_be_prefixes_or_dotted_or_missing(mask: str) -> None:
    assert call(IPaddr2.AGENT, "validate-all", {"ip": "10.0.0.1", "cidr_netmask": mask}).code == Exit.OK


def test_one_address_for_several_clone_instances_is_refused() -> None:
    meta = {"OCF_RESKEY_CRM_meta_clone_max": "2", "OCF_RESKEY_CRM_meta_globally_unique": "true"}
    assert call(IPaddr2.AGENT, "start", {"ip": "10.0.0.1"}, **meta).code == Exit.NOT_CONFIGURED


def test_gratuitous_arp_goes_out_as_request_and_as_reply() -> None:
    mac = bytes.fromhex("021122334455")
    request, reply = gratuitous_frames(mac, "10.0.0.9")
    ethernet = "ffffffffffff" + "021122334455" + "0806"
    hardware = "0001" + "0800" + "06" + "04"
    assert request.hex() == ethernet + hardware + "0001" + "021122334455" + "0a000009" + "000000000000" + "0a000009"
    assert reply.hex() == ethernet + hardware + "0002" + "021122334455" + "0a000009" + "021122334455" + "0a000009"


def test_the_table_of_mounts_is_read_with_its_escapes_and_the_topmost_counts() -> None:
    mounts = parse_mountinfo(MOUNTINFO)
    top = mounted_at(mounts, "/srv/a b")
    assert top is not None
    assert (top.source, top.fstype) == ("filer:/export/", "nfs4")
    bound = mounted_at(mounts, "/srv/bound")
    assert bound is not None
    assert (bound.root, bound.major, bound.minor) == ("/sub", 0, 51)
    assert mounted_at(mounts, "/srv") is None
    assert [mount.directory for mount in mounted_below(mounts, "/srv/a b")] == ["/srv/a b/in"]


def test_another_nfs_export_on_the_mount_point_is_told_apart_and_doubt_is_not_a_difference() -> None:
    top = mounted_at(parse_mountinfo(MOUNTINFO), "/srv/a b")
    assert top is not None
    assert not is_surely_other(top, "filer:/export")
    assert is_surely_other(top, "filer:/other")
    assert not is_surely_other(top, "LABEL=data")
    assert not is_surely_other(top, "/no/such/device")


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"directory": "srv"}, "parameter directory: 'srv' is no absolute path"),
        ({"run_fsck": "maybe"}, "parameter run_fsck: 'maybe' is none of auto, force, no"),
        ({"force_unmount": "gently"}, "parameter force_unmount: 'gently' is not a boolean"),
        ({"fstype": ""}, "parameter fstype is required"),
    ],
)
def test_wrong_parameters_of_filesystem_are_named(parameters: dict[str, str], reason: str) -> None:
    usual = {"device": "/dev/sdz", "directory": "/srv", "fstype": "ext4"}
    said = call(Filesystem.AGENT, "validate-all", {**usual, **parameters})
    assert said.code == Exit.NOT_CONFIGURED
    assert reason in said.errors


def test_a_local_filesystem_must_not_be_cloned_unless_forced() -> None:
    usual = {"device": "/dev/sdz", "directory": "/srv", "fstype": "ext4"}
    clone = {"OCF_RESKEY_CRM_meta_clone_max": "2"}
    said = call(Filesystem.AGENT, "validate-all", usual, **clone)
    assert said.code == Exit.NOT_CONFIGURED
    assert "must not be mounted on several nodes at once" in said.errors
    for allowed in ({"force_clones": "yes"}, {"fstype": "nfs"}, {"options": "bind"}, {"options": "ro"}):
        assert call(Filesystem.AGENT, "validate-all", {**usual, **allowed}, **clone).code == Exit.OK


def test_a_filesystem_that_is_not_mounted_is_not_running_and_its_stop_succeeds(tmp_path: Path) -> None:
    usual = {"device": "/dev/sdz", "directory": str(tmp_path), "fstype": "ext4"}
    assert call(Filesystem.AGENT, "monitor", usual).code == Exit.NOT_RUNNING
    assert call(Filesystem.AGENT, "stop", usual).code == Exit.OK


def test_a_missing_device_sends_the_resource_to_another_node(tmp_path: Path) -> None:
    usual = {"device": str(tmp_path / "none"), "directory": str(tmp_path / "mnt"), "fstype": "ext4"}
    said = call(Filesystem.AGENT, "start", usual)
    assert said.code == Exit.NOT_INSTALLED
    assert "does not exist on this node" in said.errors
    assert not (tmp_path / "mnt").exists()


def test_users_of_a_directory_are_found_by_cwd_and_open_files_but_not_ourselves(tmp_path: Path) -> None:
    inside, beside = tmp_path / "data", tmp_path / "data2"
    inside.mkdir()
    beside.mkdir()
    (inside / "file").write_text("", encoding="utf-8")
    wait = "import sys; sys.stdin.read()"
    hold = f"import sys; held = open({str(inside / 'file')!r}); sys.stdin.read()"
    processes = [
        subprocess.Popen([sys.executable, "-c", wait], stdin=subprocess.PIPE, cwd=inside),
        subprocess.Popen([sys.executable, "-c", f"print(flush=True); {wait}"], stdin=subprocess.PIPE, cwd=beside),
        subprocess.Popen(
            [sys.executable, "-c", hold.replace("sys.stdin", "print(flush=True) or sys.stdin")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ),
    ]
    try:
        assert processes[2].stdout is not None
        processes[2].stdout.readline()
        found = users_of(str(inside))
        assert processes[0].pid in found
        assert processes[1].pid not in found
        assert processes[2].pid in found
        assert os.getpid() not in found
    finally:
        for process in processes:
            process.kill()
            process.communicate()
