"""The classic files may contain anything: reading them ends, and gives either a configuration or an error."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from cib.configuration import resources
from cib.initial import empty_document
from cib.operations import apply_requests
from cib.schema import validate
from crmd.haresources import parse_haresources
from crmd.legacy_import import LegacySettings, plan_import, requests
from crmd.legacy_resources import ScriptPlace
from heartbeat.authkeys import parse_authkeys
from heartbeat.ha_cf import parse_ha_cf
from heartbeat.ha_cf_directives import ACCEPTED, DIRECTIVES, UNSUPPORTED
from ipc.problems import has_errors, render

PATH = Path("/etc/ha.d/file")
WORDS = st.one_of(
    st.sampled_from([*DIRECTIVES, *ACCEPTED, *UNSUPPORTED, "auth", "sha1", "crc", "Filesystem", "IPaddr2", "\\", "#"]),
    st.sampled_from(
        ["1", "0.5", "200ms", "eth0", "10.0.0.1", "10.0.0.1/24/eth0", "225.0.0.1", "on", "node1", "-----x"]
    ),
    st.text(max_size=12),
)
LINES = st.lists(st.lists(WORDS, max_size=7).map(" ".join), max_size=12).map("\n".join)
CONTENT = st.one_of(LINES.map(lambda text: text.encode(errors="surrogatepass")), st.binary(max_size=200))


@given(CONTENT)
def test_ha_cf_gives_a_configuration_or_an_error(data: bytes) -> None:
    result = parse_ha_cf(data, PATH, "node1")
    assert (result.config is None) == has_errors(result.problems)
    assert all(render(problem).startswith("/etc/ha.d/file") for problem in result.problems)
    if result.config is not None:
        assert result.config.keepalive < result.config.warntime < result.config.deadtime <= result.config.initdead
        assert "node1" in result.config.nodes
        assert result.config.links


@given(CONTENT)
def test_authkeys_gives_keys_or_an_error(data: bytes) -> None:
    result = parse_authkeys(data, PATH)
    assert (result.keys is None) == has_errors(result.problems)
    if result.keys is not None:
        assert result.keys.keys[result.keys.active.number] == result.keys.active


@given(CONTENT)
def test_haresources_gives_lines_or_an_error(data: bytes) -> None:
    result = parse_haresources(data, PATH, ("node1",))
    if has_errors(result.problems):
        assert result.lines == ()
    for line in result.lines:
        assert line.node == "node1"
        assert line.resources


PLACES: dict[str, ScriptPlace | None] = {"": None, "resource.d": "resource.d", "init.d": "init.d"}
NAMES = st.sampled_from(
    ["Filesystem", "IPaddr", "IPaddr2", "IPv6addr", "apache", "MailTo", "SendArp", "Delay", "httpd"]
)
ARGUMENTS = st.one_of(
    st.sampled_from(["10.0.0.9/24/eth0", "2001:db8::9/64", "/dev/sda1", "/data", "ext4", "a@b.c", "3", "x/eth0"]),
    st.text(min_size=1, max_size=8),
)
RESOURCES = st.one_of(
    st.sampled_from(["10.0.0.1", "10.0.0.2/24/eth0", "web", "2ndweb", "a+b@c.d"]),
    st.tuples(NAMES, st.lists(ARGUMENTS, max_size=4)).map(lambda pair: "::".join((pair[0], *pair[1]))),
)
GROUPS = st.lists(
    st.lists(RESOURCES, min_size=1, max_size=4).map(lambda words: " ".join(["node1", *words])), max_size=3
)


@given(GROUPS, st.sampled_from(["", "resource.d", "init.d"]))
def test_what_passes_the_check_becomes_a_valid_configuration(groups: list[str], place: str) -> None:
    data = "\n".join(groups).encode(errors="replace")
    result = parse_haresources(data, PATH, ("node1",))
    if has_errors(result.problems) or not result.lines:
        return
    settings = LegacySettings(PATH.parent, ("node1",), "on")
    plan = plan_import(result.lines, settings, lambda _: PLACES[place])
    document = empty_document()
    apply_requests(document, requests(plan))
    wrong = [report.sentence() for report in validate(document) if report.severity == "error"]
    assert wrong == []
    assert len(resources(document)) == sum(len(line.resources) for line in result.lines)
