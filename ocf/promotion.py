"""Promotion scores: how much an instance of an agent wants to be the promoted one, as the policy engine reads it."""

import os
import subprocess
import sys
from pathlib import Path

TOOL = "crm_attribute"
LIMIT_S = 10.0
"""For one call of the tool; an agent's action must not hang in it."""


def set_score(score: int) -> None:
    """Let the instance on this node have this score until the node leaves the cluster. See `_call` for failures."""
    _call("--promotion", "--update", str(score))


def delete_score() -> None:
    """Forget the instance's score: without one it is never promoted."""
    _call("--promotion", "--delete")


def _call(*arguments: str) -> None:
    """Run the cluster's tool, which finds the resource by OCF_RESOURCE_INSTANCE.

    A failure is told on standard error and is no failure of the action: the service does what it should, and outside a
    cluster nobody asks for scores.
    """
    directory = os.environ.get("HA_SBIN_DIR")
    tool = str(Path(directory) / TOOL) if directory else TOOL
    try:
        done = subprocess.run(
            [tool, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=LIMIT_S
        )
    except OSError as error:
        sys.stderr.write(f"{tool}: {error.strerror}\n")
    except subprocess.TimeoutExpired:
        sys.stderr.write(f"{tool} did not answer within {LIMIT_S:g} s\n")
    else:
        if done.returncode:
            sys.stderr.write(f"{tool} failed ({done.returncode}): {done.stderr.strip()}\n")
