"""Nodes made of Linux namespaces: real daemons, real agents, real faults, on one machine.

- `lab`: the API that tests, the demo and people use
- `node`: one node: start, power cut, pause, commands
- `reaper`: process 1 of a node
- `root`: what a node's process 1 mounts before anything runs
- `network`: the switch and the cables (pyroute2)
- `fencing`: the power switch that the lab's fence agent talks to
"""
