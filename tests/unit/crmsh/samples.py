"""Small CIBs that the tests start from."""

from __future__ import annotations

EMPTY = """\
<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0">
  <configuration><crm_config/><nodes/><resources/><constraints/></configuration>
  <status/>
</cib>
"""

TWO_NODES = """\
<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="5" num_updates="2" admin_epoch="0" have-quorum="1"
     dc-uuid="alpha" cib-last-written="Mon Jan  5 10:00:00 2026" update-origin="alpha" update-client="crm">
  <configuration>
    <crm_config>
      <cluster_property_set id="cib-bootstrap-options">
        <nvpair id="o1" name="stonith-enabled" value="false"/>
        <nvpair id="o2" name="cluster-infrastructure" value="heartbeat"/>
        <nvpair id="o3" name="dc-version" value="1.0"/>
      </cluster_property_set>
    </crm_config>
    <nodes><node id="alpha" uname="alpha"/><node id="beta" uname="beta"/></nodes>
    <resources>
      <group id="site">
        <primitive id="vip" class="ocf" provider="heartbeat" type="IPaddr2">
          <instance_attributes id="vip-instance_attributes">
            <nvpair id="vip-instance_attributes-ip" name="ip" value="192.0.2.10"/>
          </instance_attributes>
          <operations><op id="vip-monitor-10s" name="monitor" interval="10s" timeout="20s"/></operations>
        </primitive>
        <primitive id="web" class="ocf" provider="heartbeat" type="Dummy"/>
      </group>
      <primitive id="db" class="ocf" provider="heartbeat" type="Dummy"/>
    </resources>
    <constraints>
      <rsc_location id="db-on-beta" rsc="db" node="beta" score="100"/>
      <rsc_order id="db-first" first="db" then="site"/>
    </constraints>
  </configuration>
  <status>
    <node_state id="alpha" uname="alpha" in_ccm="true" crmd="online" join="member" expected="member">
      <lrm id="alpha"><lrm_resources>
        <lrm_resource id="vip" class="ocf" provider="heartbeat" type="IPaddr2">
          <lrm_rsc_op id="vip_last_0" operation_key="vip_start_0" operation="start" call-id="5" rc-code="0"
            op-status="0" interval="0" transition-key="1:1:0:x"
            transition-magic="0:0;1:1:0:x" last-rc-change="1767600000"
            exec-time="12" queue-time="0"/>
          <lrm_rsc_op id="vip_last_failure_0" operation_key="vip_monitor_10000" operation="monitor" call-id="6"
            rc-code="7" op-status="0" interval="10000" transition-key="2:1:0:x" transition-magic="0:7;2:1:0:x"
            last-rc-change="1767600100" exec-time="0" queue-time="0" exit-reason="the address is gone"/>
        </lrm_resource>
        <lrm_resource id="web" class="ocf" provider="heartbeat" type="Dummy">
          <lrm_rsc_op id="web_last_0" operation_key="web_start_0" operation="start" call-id="7" rc-code="0"
            op-status="0" interval="0" transition-key="3:1:0:x"
            transition-magic="0:0;3:1:0:x" last-rc-change="1767600000"/>
        </lrm_resource>
      </lrm_resources></lrm>
      <transient_attributes id="alpha"><instance_attributes id="status-alpha">
        <nvpair id="status-alpha-fail-count-vip" name="fail-count-vip#monitor_10000" value="1"/>
        <nvpair id="status-alpha-pingd" name="pingd" value="100"/>
      </instance_attributes></transient_attributes>
    </node_state>
    <node_state id="beta" uname="beta" in_ccm="false" crmd="offline" join="down" expected="down"/>
  </status>
</cib>
"""
"""Two nodes, beta is down; a group on alpha whose address failed once; a resource that is stopped."""
