"""Measurements beside a real peer: the same machine, the same run, the same resources; figures are ratios.

    .venv/bin/python -m bench.failover      power cut of the active node to address and page
    .venv/bin/python -m bench.cold_start    three nodes from nothing to idle with a DC
    .venv/bin/python -m bench.scheduling    the policy engine on generated clusters
    .venv/bin/python -m bench.patches       its warm worker, given one small change after the other
    .venv/bin/python -m bench.forms         the whole crm_simulate, plain and compiled
    .venv/bin/python -m bench.commands      start-up of the command line tools
    .venv/bin/python -m bench.memory        what the daemons of a node hold

The peer is Pacemaker with Corosync as Debian packages them (pacemaker, pacemaker-cli-utils, corosync,
resource-agents). Where they are missing, the peer's part is left out with the reason. The benches that start clusters
need root, as the lab does.
"""
