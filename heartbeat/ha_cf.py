"""ha.cf, the classic configuration file of the messaging layer, read into a frozen value.

All problems of a file are collected and told together; with an error among them there is no configuration. What each
directive means here is in docs/design/0005-configuration-files.md. Source of the grammar: ha.cf(5) of Heartbeat 3.0.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from heartbeat.ha_cf_directives import ACCEPTED, DIRECTIVES, UNSUPPORTED, Draft
from heartbeat.ha_cf_values import BadValue
from heartbeat.links_config import Link, Mcast, describe
from heartbeat.messages import ClusterSettings, StonithLine
from ipc.problems import Problem, Severity, is_plain, lines_of
from ipc.units import Milliseconds

FILE_BYTES_MAX = 256 * 1024
KEEPALIVE_DEFAULT = Milliseconds(1000)
DEADTIME_DEFAULT = Milliseconds(30_000)
CRMD_RESTART_BOUND_DEFAULT = Milliseconds(5000)
STOP_GRACE_DEFAULT = Milliseconds(0)

_ANNOTATION = re.compile(r"-{5,}.*$")
"""A row of dashes behind a value, with a remark: seen where people copied the file from a printed page."""


@dataclass(frozen=True, slots=True)
class HaConfig:
    """A valid ha.cf. Durations are whole milliseconds."""

    nodes: tuple[str, ...]
    links: tuple[Link, ...]
    keepalive: Milliseconds
    warntime: Milliseconds
    deadtime: Milliseconds
    initdead: Milliseconds
    auto_failback: Literal["on", "off", "legacy"]
    logfile: str | None = None
    watchdog: str | None = None
    """The device that reboots the machine when heartbeat hangs or dies."""
    debugfile: str | None = None
    logfacility: str | None = None
    debug: int = 0
    ping: tuple[str, ...] = ()
    stonith: tuple[StonithLine, ...] = ()
    realtime: bool = True
    rtprio: int | None = None
    streamport: int | None = None
    """TCP port of the streams; None: the UDP port of the link that they accompany."""
    crmd_restart_bound: Milliseconds = CRMD_RESTART_BOUND_DEFAULT
    stop_grace: Milliseconds = STOP_GRACE_DEFAULT

    def settings(self) -> ClusterSettings:
        """What of it the controller needs."""
        return ClusterSettings(
            keepalive_ms=self.keepalive,
            deadtime_ms=self.deadtime,
            warntime_ms=self.warntime,
            initdead_ms=self.initdead,
            auto_failback=self.auto_failback,
            stonith=self.stonith,
            crmd_restart_bound_ms=self.crmd_restart_bound,
            stop_grace_ms=self.stop_grace,
            logfile=self.logfile,
            debug=self.debug,
        )


@dataclass(frozen=True, slots=True)
class HaConfigResult:
    """What reading gave: a configuration when there is no error among the problems."""

    config: HaConfig | None
    problems: tuple[Problem, ...]
    link_lines: Mapping[Link, int] = field(default_factory=dict)
    """Where each link stands."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """Where each directive stands last."""


def read_ha_cf(path: Path, local_node: str) -> HaConfigResult:
    """Read and check the file; a file that can't be read is a problem like others."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        text = f"cannot be read ({error.strerror})"
        expected = "a file with the directives of ha.cf(5)"
        return HaConfigResult(None, (Problem("error", path, 0, text, expected=expected),))
    return parse_ha_cf(data, path, local_node)


def parse_ha_cf(data: bytes, path: Path, local_node: str) -> HaConfigResult:
    """Parse the content of ha.cf. `local_node` is what `uname -n` prints here."""
    parser = _Parser(path)
    if len(data) > FILE_BYTES_MAX:
        parser.report("error", 0, "the file is too long", expected=f"at most {FILE_BYTES_MAX} bytes")
    else:
        text = data.decode("utf-8-sig", errors="replace")
        for number, line in enumerate(lines_of(text), start=1):
            parser.line(number, line)
        parser.check(local_node)
    errors = any(problem.severity == "error" for problem in parser.problems)
    config = None if errors else parser.config()
    in_order = sorted(parser.problems, key=lambda problem: (problem.line == 0, problem.line))
    link_lines = dict(reversed(parser.draft.links))
    return HaConfigResult(config, tuple(in_order), link_lines, parser.draft.seen)


@dataclass(slots=True)
class _Parser:
    """Collects values and problems line by line."""

    path: Path
    problems: list[Problem] = field(default_factory=list)
    draft: Draft = field(default_factory=Draft)

    def report(
        self, severity: Severity, line: int, text: str, value: str = "", expected: str = "", column: int = 0
    ) -> None:
        self.problems.append(Problem(severity, self.path, line, text, value, expected, column))

    def line(self, number: int, line: str) -> None:
        words = self._words(number, line)
        if not words:
            return
        if not all(is_plain(word) for word in words):
            self.report("error", number, "a word is no plain text", expected="printable characters in UTF-8")
            return
        name = words[0].lower().replace("-", "_")
        directive = DIRECTIVES.get(name)
        if directive is None:
            self._not_understood(number, words, name)
            return
        if directive.once and name in self.draft.seen:
            text = f"{words[0]} is given again (first in line {self.draft.seen[name]}); the last one counts"
            self.report("warning", number, text)
        self.draft.seen[name] = number
        count = len(words) - 1
        if not directive.words_min <= count <= directive.words_max:
            self.draft.failed.add(name)
            given = " ".join(words[1:])
            self.report("error", number, f"{words[0]}: wrong number of values", given, directive.form)
            return
        try:
            for warning in directive.take(self.draft, number, words):
                self.report("warning", number, warning)
        except BadValue as error:
            self.draft.failed.add(name)
            column = line.find(error.value, line.find(words[0]) + len(words[0])) + 1
            self.report("error", number, f"{words[0]}: wrong value", error.value, error.expected, column)

    def _words(self, number: int, line: str) -> list[str]:
        """The words before a comment; a row of dashes with a remark behind a value is left out, and told."""
        if "\0" in line:
            self.report("error", number, "the line contains a NUL byte", expected="text")
            return []
        words: list[str] = []
        for word in line.split():
            value, comment, _ = word.partition("#")
            if value:
                words.append(value)
            if comment:
                if value:
                    text = f"{words[0]}: a comment begins in the middle of a word; the word ends there"
                    self.report("warning", number, text, expected="a blank before #")
                break
        text = " ".join(words)
        annotation = _ANNOTATION.search(text)
        if annotation is None:
            return words
        kept = text[: annotation.start()].split()
        if not kept:
            return words
        self.report("warning", number, f"{kept[0]}: ignored what follows the value", annotation[0])
        return kept

    def _not_understood(self, number: int, words: list[str], name: str) -> None:
        if name in ACCEPTED:
            self.report("info", number, f"{words[0]} has no effect: {ACCEPTED[name]}")
        elif name in UNSUPPORTED:
            self.report("warning", number, f"{words[0]} is not supported and ignored: {UNSUPPORTED[name]}")
        else:
            known = [*DIRECTIVES, *ACCEPTED, *UNSUPPORTED]
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
            expected = f"a directive of ha.cf; did you mean {near[0]}?" if near else "a directive of ha.cf"
            self.report("warning", number, "unknown directive, the line is ignored", words[0], expected)

    def check(self, local_node: str) -> None:
        """The rules that concern more than one line."""
        self._check_nodes(local_node)
        self._check_links()
        self._check_times()
        if "auto_failback" not in self.draft.seen:
            self.report("warning", 0, "auto_failback is not given; legacy is assumed, which acts as on")

    def _check_nodes(self, local_node: str) -> None:
        draft = self.draft
        first: dict[str, int] = {}
        for name, line in draft.nodes:
            if name in first:
                expected = "each node once"
                self.report("error", line, f"node: given before, in line {first[name]}", name, expected)
            first.setdefault(name, line)
        self._check_cases(first)
        for stonith in draft.stonith:
            host = stonith.words[1]
            if stonith.words[0] == "stonith_host" and host != "*" and host not in first and first:
                expected = f"one of {', '.join(first)}, or * for all"
                self.report("error", stonith.line, "stonith_host: no such node", host, expected)
        if not first:
            if "node" not in draft.seen:
                self.report(
                    "error", 0, "no node directive", expected="node NAME for each node, as `uname -n` prints it"
                )
        elif local_node not in first:
            listed = ", ".join(first)
            expected = f"a node directive with the name that `uname -n` prints here; listed are {listed}"
            self.report("error", draft.seen["node"], "node: this machine is not among the nodes", local_node, expected)

    def _check_cases(self, first: Mapping[str, int]) -> None:
        """No two nodes differ by upper and lower case alone: the names are host names."""
        folded: dict[str, str] = {}
        for name, line in first.items():
            other = folded.setdefault(name.lower(), name)
            if other != name:
                expected = f"each node once; {other} is in line {first[other]}"
                self.report("error", line, "node: differs from another only in upper and lower case", name, expected)

    def _check_links(self) -> None:
        draft = self.draft
        if not any(name in draft.seen for name in ("bcast", "mcast", "ucast")):
            expected = "at least one of bcast DEVICE, mcast DEVICE GROUP PORT TTL LOOP, ucast DEVICE ADDRESS"
            self.report("error", 0, "no link directive", expected=expected)
        seen: dict[Link, int] = {}
        for link, line in draft.links:
            if link in seen:
                self.report("warning", line, f"{describe(link)} is given before, in line {seen[link]}")
            seen.setdefault(link, line)
        after = draft.seen.get("udpport")
        early = [line for link, line in draft.links if after and line < after and not isinstance(link, Mcast)]
        if early:
            text = f"udpport comes after the link in line {early[0]}, which keeps the port known until there"
            self.report("warning", after or 0, text)

    def _check_times(self) -> None:
        draft, times = self.draft, self._times()
        if not draft.failed.isdisjoint({"keepalive", "warntime", "deadtime", "initdead"}):
            return
        keepalive, warntime, deadtime, initdead = times
        if not keepalive < deadtime:
            expected = f"more than keepalive, which is {keepalive}ms"
            self.report("error", self._line("deadtime", "keepalive"), "deadtime: too short", f"{deadtime}ms", expected)
        elif not keepalive < warntime < deadtime:
            expected = f"between keepalive ({keepalive}ms) and deadtime ({deadtime}ms)"
            self.report(
                "error", self._line("warntime", "keepalive"), "warntime: out of range", f"{warntime}ms", expected
            )
        elif deadtime < 3 * keepalive:
            text = f"deadtime ({deadtime}ms) is less than three times keepalive: two lost packets mean death"
            self.report("warning", self._line("deadtime", "keepalive"), text)
        if initdead < deadtime:
            expected = f"at least deadtime, which is {deadtime}ms"
            self.report("error", self._line("initdead", "deadtime"), "initdead: too short", f"{initdead}ms", expected)

    def _line(self, *names: str) -> int:
        return next((self.draft.seen[name] for name in names if name in self.draft.seen), 0)

    def _times(self) -> tuple[Milliseconds, Milliseconds, Milliseconds, Milliseconds]:
        durations = self.draft.durations
        keepalive = durations.get("keepalive", KEEPALIVE_DEFAULT)
        deadtime = durations.get("deadtime", DEADTIME_DEFAULT)
        # Half of deadtime, as the classic program; between the two where keepalive is longer than that.
        half = Milliseconds(deadtime // 2)
        warntime = durations.get("warntime", half if half > keepalive else Milliseconds((keepalive + deadtime) // 2))
        initdead = durations.get("initdead", Milliseconds(2 * deadtime))
        return keepalive, warntime, deadtime, initdead

    def config(self) -> HaConfig:
        draft = self.draft
        keepalive, warntime, deadtime, initdead = self._times()
        return HaConfig(
            nodes=tuple(name for name, _ in draft.nodes),
            links=tuple(dict.fromkeys(link for link, _ in draft.links)),
            keepalive=keepalive,
            warntime=warntime,
            deadtime=deadtime,
            initdead=initdead,
            auto_failback=draft.auto_failback,
            logfile=draft.words.get("logfile"),
            watchdog=draft.words.get("watchdog"),
            debugfile=draft.words.get("debugfile"),
            logfacility=draft.words.get("logfacility"),
            debug=draft.numbers.get("debug", 0),
            ping=tuple(draft.ping),
            stonith=tuple(draft.stonith),
            realtime=draft.realtime,
            rtprio=draft.numbers.get("rtprio"),
            streamport=draft.numbers.get("streamport"),
            crmd_restart_bound=draft.durations.get("crmd_restart_bound", CRMD_RESTART_BOUND_DEFAULT),
            stop_grace=draft.durations.get("stop_grace", STOP_GRACE_DEFAULT),
        )
