"""The picture of the demo in README.md: a terminal with what `./run demo` printed.

usage: ./run demo >demo.txt; .venv/bin/python docs/make_picture.py demo.txt docs/demo.svg

Everything in the picture is from that output. Of the second and third snapshot the head, which repeats the first
one's, is left out.
"""

import io
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from crmsh.crm_mon import coloured

WIDTH = 100
MOMENT = re.compile(r"--- (.*?) -+$")
REPEATED_UNTIL = "Node List:"


def shown(lines: list[str]) -> list[str]:
    """The lines of the picture; `…` stands for what is left out."""
    kept = ["$ ./run demo"]
    moments = 0
    leaving_out = False
    for line in lines:
        if MOMENT.match(line):
            moments += 1
            kept.append(line)
            leaving_out = moments > 1
            kept += ["…"] if leaving_out else []
            continue
        leaving_out = leaving_out and not line.startswith(REPEATED_UNTIL)
        if not leaving_out:
            kept.append(line)
    return kept


def styled(line: str) -> Text:
    """A line as it looks in the terminal: what crm_mon colours, headings and the prompt."""
    if line.startswith("$ "):
        return Text(line, "bold")
    if MOMENT.match(line):
        return Text(line, "bold cyan")
    if re.match(r"node\d+ (killed|returned)", line):
        return Text(line, "bold yellow")
    return Text.from_ansi(coloured(line.expandtabs(8)))


def picture(lines: list[str]) -> str:
    """The SVG, with the fonts of whoever looks at it: nothing is fetched from elsewhere."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, legacy_windows=False)
    for line in shown(lines):
        console.print(styled(line), soft_wrap=False)
    svg = console.export_svg(title="a failover and the return", unique_id="demo")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL).replace("Fira Code", "DejaVu Sans Mono")


def main() -> int:
    """Read the output, write the picture."""
    source, target = sys.argv[1:]
    Path(target).write_text(picture(Path(source).read_text().splitlines()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
