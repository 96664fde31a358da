"""Resource agents that are shipped, and the toolkit they are written with.

Each is an ordinary OCF agent (`python -m ocf.IPaddr2 start`), and a module with an `AGENT` that the executor runs in a
warm process, so that an operation costs milliseconds. `agent` is the toolkit; `netlink` is the only module that knows
pyroute2.
"""

AGENTS = ("Dummy", "Filesystem", "IPaddr2", "Stateful")
"""Types that are shipped, sorted; each is a module of this package."""
