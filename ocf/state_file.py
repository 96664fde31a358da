"""State files: how an agent without a process of its own remembers that it was started."""

from pathlib import Path

from ocf.agent import Call, Exit, fail


def state_path(call: Call, agent: str, parameter: str) -> Path:
    """The file that the parameter names, or one named after the agent and the instance."""
    given = call.text(parameter)
    return Path(given) if given else call.state_directory / f"{agent}-{call.instance}.state"


def write_state(path: Path, text: str) -> None:
    """Create it, with its directory. Raises AgentError when that is not possible."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(Exit.GENERIC, f"state file {path} can't be written: {error.strerror}")


def read_state(path: Path) -> str | None:
    """What it holds; None when it does not exist. Raises AgentError when it can't be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        fail(Exit.GENERIC, f"state file {path} can't be read: {error.strerror}")
