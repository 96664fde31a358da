"""Exit codes of agents that are not OCF agents, translated into those of OCF.

Sources: LSB 5.0, "Init Script Actions" (exit codes of `status` and of the other actions); for scripts of Heartbeat
version 1, what its ResourceManager reads from the output of `status`; Pacemaker translates the same way.
"""

import re

from lrmd.messages import OcfExit

_LSB_STATUS = {0: OcfExit.OK, 1: OcfExit.NOT_RUNNING, 2: OcfExit.NOT_RUNNING, 3: OcfExit.NOT_RUNNING}
"""Dead with a pid file and dead with a lock file are not running; 4 is unknown."""
_LSB_INSTALLED = {150: OcfExit.NOT_INSTALLED, 151: OcfExit.PERMISSION}
"""From the range that the LSB leaves to applications; Pacemaker gives them these meanings."""

_STOPPED = re.compile(r"not\s+running|stopped", re.IGNORECASE)
_RUNNING = re.compile(r"running|\bOK\b", re.IGNORECASE)


def to_ocf(standard: str, action: str, exit_code: int, output: str) -> int:
    """The OCF exit code for what an agent of this class said; codes that have no meaning become GENERIC."""
    match standard:
        case "lsb" | "service":
            return _from_lsb(action, exit_code)
        case "heartbeat":
            return _from_heartbeat(action, exit_code, output)
        case "stonith":
            return OcfExit.OK if exit_code == 0 else OcfExit.GENERIC
        case _:
            return exit_code


def _from_lsb(action: str, exit_code: int) -> int:
    if action == "monitor":
        return _LSB_STATUS.get(exit_code, _LSB_INSTALLED.get(exit_code, OcfExit.GENERIC))
    # 1 to 7 mean the same in both standards
    return exit_code if 0 <= exit_code <= OcfExit.NOT_RUNNING else OcfExit.GENERIC


def _from_heartbeat(action: str, exit_code: int, output: str) -> int:
    """`status` speaks by its output: what says "stopped" or "not running" is not, what says "running" or "OK" is."""
    if action != "monitor":
        return OcfExit.OK if exit_code == 0 else OcfExit.GENERIC
    if _STOPPED.search(output):
        return OcfExit.NOT_RUNNING
    return OcfExit.OK if _RUNNING.search(output) else OcfExit.NOT_RUNNING
