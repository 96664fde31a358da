"""`python -m crmd`: the controller of a node; with an option, a look at its configuration instead."""

import argparse
import sys

from ipc.directories import NodeDirectories

EX_OK = 0
EX_CONFIG = 78


def main(arguments: list[str]) -> int:
    """Run the daemon until it is stopped, or do what the option says; return the exit code."""
    parser = argparse.ArgumentParser(prog="crmd", description="The controller of a cluster node.")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="tell what is wrong with cib.xml, ha.cf and haresources")
    mode.add_argument("--import-preview", action="store_true", help="print what haresources becomes at a first start")
    parser.add_argument("--node", default="", help="name of this node (default: what uname -n prints)")
    options = parser.parse_args(arguments)
    directories = NodeDirectories.from_environment()
    if options.check:
        return _check(directories, options.node)
    if options.import_preview:
        return _preview(directories, options.node)
    from crmd.daemon import run

    return run(directories)


def _check(directories: NodeDirectories, node: str) -> int:
    from crmd.configuration_check import problems

    found = problems(directories, node)
    for line in found:
        sys.stderr.write(line + "\n")
    return EX_CONFIG if found else EX_OK


def _preview(directories: NodeDirectories, node: str) -> int:
    from crmd.configuration_check import Unusable, preview

    try:
        lines, warnings = preview(directories, node)
    except Unusable as error:
        for line in error.lines:
            sys.stderr.write(line + "\n")
        return EX_CONFIG
    for warning in warnings:
        sys.stderr.write(warning + "\n")
    for line in lines:
        sys.stdout.write(line + "\n")
    return EX_OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
