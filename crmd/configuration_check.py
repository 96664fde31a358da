"""What is wrong with a node's configuration, before anything is started with it."""

from cib.document import Document
from cib.errors import CibError
from cib.schema import validate
from cib.store_start import file_errors
from crmd.legacy_files import HaCfUnusable, read_ha_cf_apart, read_plan
from crmd.legacy_import import ImportRefused, describe
from crmd.legacy_plan import Plan
from ipc.directories import NodeDirectories


class Unusable(ValueError):
    """The files can't be used; `lines` says why, one line for each problem."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


def problems(directories: NodeDirectories, node: str) -> list[str]:
    """Every error in ha.cf, haresources and cib.xml, one line each with the file and the line in it."""
    found: list[str] = []
    try:
        plan_of(directories, node)
    except Unusable as error:
        found += error.lines
    return found + cib_problems(directories)


def preview(directories: NodeDirectories, node: str) -> tuple[list[str], tuple[str, ...]]:
    """What the first start would write into an empty CIB, in the shell's words, and the warnings. Raises Unusable."""
    plan = plan_of(directories, node)
    if plan is None:
        return [], (f"{directories.config / 'haresources'}: no line to import",)
    return describe(plan), plan.warnings


def plan_of(directories: NodeDirectories, node: str) -> Plan | None:
    """The import of the classic files, None without haresources. Raises Unusable."""
    try:
        nodes, settings, _ = read_ha_cf_apart(directories.config, node)
        return read_plan(directories.config, nodes, settings)
    except (HaCfUnusable, ImportRefused) as error:
        raise Unusable(str(error).splitlines()) from error


def cib_problems(directories: NodeDirectories) -> list[str]:
    """Every error in cib.xml, one line each with the file and the line in it."""
    path = directories.cib / "cib.xml"
    try:
        content = path.read_bytes()
        document = Document.from_bytes(content, str(path))
    except FileNotFoundError:
        return []
    except OSError as error:
        return [f"{path}: it can't be read: {error.strerror}"]
    except CibError as error:
        return [error.text, *error.details]
    return [report.sentence() for report in file_errors(document, content, validate, str(path))]
