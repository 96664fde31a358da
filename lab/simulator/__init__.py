"""The deterministic simulator: N nodes in one process, virtual time, every fault from one seed.

It is a second shell over the very cores that the daemons run: `heartbeat.node.HeartbeatNode`,
`crmd.controller.Controller`, `lrmd.executor.Executor` and the policy engine. A seed replays exactly.

- `world`: virtual time, the queue of what happens next, chance, the trace
- `process`: a process that can be paused and killed, its timers, its connections
- `network`: datagrams and streams that are late, lost, doubled, reordered and cut
- `disk`: what is written, what of it was synced, what a power cut leaves
- `machine`: one node: power, processes, disk, resources
- `messaging`, `controller`, `executor`: the three daemons' shells
- `agents`: simulated resources and fence devices
- `power`: the switch behind every fence device
- `clients`: the people and programs that use the cluster
- `scenario`: what a seed means: cluster, configuration, workload, faults; `faults`: what each kind does
- `invariants`: the promises together; `promises`: each kind of them
- `runner`: runs seeds and says what was reached
- `broken`: cores with a defect, which a run must catch

docs/design/0016-simulator.md says what is simulated, what is checked, and why.
"""
