"""A whole cluster on one machine.

- `namespaces`: real processes, a node being a set of Linux namespaces; for people, for the demo and for tests
- `loopback`: the same without root, on loopback addresses
- `demo`: the web service that fails over and back, measured
- `simulator`: the same cores in one process, on virtual time, with faults from a seed
"""
