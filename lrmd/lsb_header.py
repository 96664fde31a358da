"""Meta-data of scripts that have none: made from the comment header that the LSB prescribes, or from nothing."""

from xml.sax.saxutils import escape, quoteattr

_BEGIN = "### BEGIN INIT INFO"
_END = "### END INIT INFO"
_MAX_HEADER_LINES = 200

_ACTIONS = """\
    <action name="start" timeout="15" />
    <action name="stop" timeout="15" />
    <action name="status" timeout="15" />
    <action name="restart" timeout="15" />
    <action name="force-reload" timeout="15" />
    <action name="monitor" timeout="15" interval="15" />
    <action name="meta-data" timeout="5" />
"""


def read_header(script: str) -> dict[str, str]:
    """Keywords of the header (`Provides`, `Short-Description`, …) to their values; continued lines are joined."""
    values: dict[str, str] = {}
    keyword = ""
    inside = False
    for line in script.splitlines()[:_MAX_HEADER_LINES]:
        if line.startswith(_BEGIN):
            inside = True
        elif line.startswith(_END):
            break
        elif inside and line.startswith("#"):
            if line.startswith(("#  ", "#\t")) and keyword:
                values[keyword] = f"{values[keyword]} {line[1:].strip()}".strip()
            elif ":" in line:
                keyword, _, value = line[1:].strip().partition(":")
                values[keyword] = value.strip()
    return values


def metadata(name: str, script: str, standard: str) -> str:
    """OCF meta-data XML for an init script or a version 1 script."""
    header = read_header(script)
    short = header.get("Short-Description", name)
    long = header.get("Description", short)
    version = "1.0" if standard == "lsb" else "0.1"
    return f"""\
<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">
<resource-agent name={quoteattr(name)} version="{version}">
  <version>1.0</version>
  <longdesc lang="en">{escape(long)}</longdesc>
  <shortdesc lang="en">{escape(short)}</shortdesc>
  <parameters>
  </parameters>
  <actions>
{_ACTIONS}  </actions>
</resource-agent>
"""
