"""Where a node keeps its files; each directory can be moved by an environment variable or an option."""

import os
from dataclasses import dataclass
from pathlib import Path

CONFIG_VARIABLE = "PACEKEEPER_CONFIG_DIR"
STATE_VARIABLE = "PACEKEEPER_STATE_DIR"
RUN_VARIABLE = "PACEKEEPER_RUN_DIR"
LOG_VARIABLE = "PACEKEEPER_LOG_DIR"


@dataclass(frozen=True, slots=True)
class NodeDirectories:
    """The four directories of one node, and the names of what lies in them."""

    config: Path
    """ha.cf, authkeys, haresources, resource.d/ (v1 scripts)."""
    state: Path
    """What must survive a reboot: generation and votes, cib.xml with its sidecar, archives."""
    run: Path
    """Sockets, locks and notes of running operations; empty after a boot."""
    log: Path
    """Log files, where ha.cf names none."""

    @classmethod
    def from_environment(cls, environ: "os._Environ[str] | dict[str, str] | None" = None) -> "NodeDirectories":
        """The directories that the environment names, the usual ones where it names none."""
        env = os.environ if environ is None else environ
        return cls(
            config=Path(env.get(CONFIG_VARIABLE) or "/etc/ha.d"),
            state=Path(env.get(STATE_VARIABLE) or "/var/lib/pacekeeper"),
            run=Path(env.get(RUN_VARIABLE) or "/run/pacekeeper"),
            log=Path(env.get(LOG_VARIABLE) or "/var/log/pacekeeper"),
        )

    def environment(self) -> dict[str, str]:
        """The variables that make a child process use these directories."""
        return {
            CONFIG_VARIABLE: str(self.config),
            STATE_VARIABLE: str(self.state),
            RUN_VARIABLE: str(self.run),
            LOG_VARIABLE: str(self.log),
        }

    @property
    def heartbeat_socket(self) -> Path:
        """Where crmd, lrmd and `heartbeat status` reach the messaging layer."""
        return self.run / "heartbeat.socket"

    @property
    def crmd_socket(self) -> Path:
        """Where tools and shells reach the controller."""
        return self.run / "crmd.socket"

    @property
    def lrmd_socket(self) -> Path:
        """Where the controller reaches the executor."""
        return self.run / "lrmd.socket"

    @property
    def cib(self) -> Path:
        """The directory with cib.xml, its sidecar and archives."""
        return self.state / "cib"
