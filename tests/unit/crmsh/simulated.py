"""A small cluster in a file, and crm_simulate at work on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cib.document import Document
from crmsh import crm_simulate

Captured = pytest.CaptureFixture[str]

CLUSTER = """\
<cib crm_feature_set="3.20.0" validate-with="pacemaker-3.9" admin_epoch="1" epoch="5" num_updates="7" have-quorum="1">
  <configuration>
    <crm_config>
      <cluster_property_set id="cib-bootstrap-options">
        <nvpair id="o-fencing" name="stonith-enabled" value="false"/>
      </cluster_property_set>
    </crm_config>
    <nodes>
      <node id="1" uname="n1">
        <instance_attributes id="n1-attributes"><nvpair id="n1-site" name="site" value="east"/></instance_attributes>
        <utilization id="n1-utilization">
          <nvpair id="n1-mem" name="mem" value="8"/><nvpair id="n1-cpu" name="cpu" value="4"/>
        </utilization>
      </node>
      <node id="2" uname="n2"/>
    </nodes>
    <resources>
      <primitive id="a" class="ocf" provider="pacemaker" type="Dummy">
        <operations><op id="a-monitor" name="monitor" interval="10s"/></operations>
        <utilization id="a-utilization"><nvpair id="a-cpu" name="cpu" value="3"/></utilization>
      </primitive>
      <primitive id="b" class="ocf" provider="pacemaker" type="Dummy"/>
      <clone id="c"><primitive id="p" class="ocf" provider="pacemaker" type="Dummy"/></clone>
    </resources>
    <constraints>
      <rsc_order id="a-then-b" first="a" then="b"/>
      <rsc_ticket id="a-needs-t" rsc="b" ticket="t" loss-policy="stop"/>
    </constraints>
  </configuration>
  <status>
    <node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member" expected="member">
      <lrm id="1"><lrm_resources/></lrm>
    </node_state>
    <node_state id="2" uname="n2" in_ccm="true" crmd="online" join="member" expected="member">
      <lrm id="2"><lrm_resources/></lrm>
      <transient_attributes id="2">
        <instance_attributes id="status-2">
          <nvpair id="status-2-pingd" name="pingd" value="100"/>
          <nvpair id="status-2-count" name="fail-count-a#monitor_10000" value="3"/>
        </instance_attributes>
      </transient_attributes>
    </node_state>
    <tickets><ticket_state id="t" granted="true" standby="false"/></tickets>
  </status>
</cib>
"""


class Simulated:
    """What a run of crm_simulate answered."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def part(self, title: str) -> list[str]:
        """The lines of the part with this title, without blanks around them."""
        lines = self.out.splitlines()
        begin = lines.index(title) + 1
        end = next((place for place in range(begin, len(lines)) if not lines[place]), len(lines))
        return [line.strip() for line in lines[begin:end]]


class Lab:
    """A document in a file, and the tool that works on it."""

    def __init__(self, path: Path, capsys: Captured) -> None:
        self.path, self._capsys = path, capsys
        path.write_text(CLUSTER)

    def run(self, *options: str, source: tuple[str, ...] = ()) -> Simulated:
        self._capsys.readouterr()
        code = crm_simulate.main([*(source or ("-x", str(self.path))), *options])
        return Simulated(code, *self._capsys.readouterr())

    def saved(self, *options: str) -> Document:
        """The document that a run leaves behind."""
        target = self.path.parent / "out.xml"
        done = self.run(*options, "-O", str(target))
        assert done.code == 0, done.err
        return Document.from_bytes(target.read_bytes())


def new_lab(path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab that nothing of the machine's own settings reaches."""
    monkeypatch.setenv("TZ", "UTC")
    for name in ("CIB_file", "CIB_shadow"):
        monkeypatch.delenv(name, raising=False)
    return Lab(path / "cib.xml", capsys)
