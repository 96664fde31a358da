"""What an agent's meta-data says about changes of its parameters, and how an agent is asked to reload.

With it the controller writes into the history which parameters need a restart (`op-force-restart`) and which are
secret (`op-secure-params`). An agent of OCF 1.1 has the action `reload-agent` and marks parameters as `reloadable`;
one of OCF 1.0 may have the action `reload`, and then every parameter that is not `unique` is reloadable. In OCF 1.1
`reload` is the service's own reload and says nothing about parameters.

Source: OCF resource agent API 1.0 and 1.1; Pacemaker Explained, "Reloading an Agent After a Definition Change".
"""

from xml.etree import ElementTree

import msgspec

from lrmd.messages import AgentTraits

LEGACY_RELOAD = "reload"
RELOAD = "reload-agent"
RELOADS = frozenset({RELOAD, LEGACY_RELOAD})

NEED_TRAITS = RELOADS | {"start", "monitor", "promote", "notify", "migrate_to", "migrate_from"}
"""Actions whose result is of interest when parameters change."""

_SECRETS_BY_CUSTOM = ("password", "passwd", "user")
"""Where no parameter is marked as private, these names are taken for secrets."""
_OCF_1_1 = (1, 1)
_TRUE = frozenset({"1", "true", "yes", "on", "y"})


class NoTraits(ValueError):
    """An agent's output is not meta-data; the message says why."""


class Described(msgspec.Struct, frozen=True):
    """The traits, and the name of the agent's action that takes over new parameters; empty: it has none."""

    traits: AgentTraits
    reload: str = ""


def describe(metadata: str) -> Described:
    """Read meta-data. Lists of parameters are in the reverse order of the meta-data's. Raises NoTraits."""
    try:
        root = ElementTree.fromstring(metadata)
    except ElementTree.ParseError as error:
        raise NoTraits(f"the meta-data is not XML: {error}") from error
    if root.tag != "resource-agent":
        raise NoTraits(f"the meta-data has the element {root.tag!r}; expected resource-agent")
    is_modern = _version(root.findtext("version") or "") >= _OCF_1_1
    actions = {action.get("name") for action in root.iter("action")}
    parameters = [each for each in reversed(list(root.iter("parameter"))) if each.get("name")]
    reload = RELOAD if RELOAD in actions else LEGACY_RELOAD if LEGACY_RELOAD in actions and not is_modern else ""
    restart: tuple[str, ...] | None = None
    if reload == RELOAD:
        restart = tuple(_name(each) for each in parameters if not _is_set(each, "reloadable"))
    elif reload:
        restart = tuple(_name(each) for each in parameters if _is_set(each, "unique"))
    private = tuple(_name(each) for each in parameters if _is_set(each, "private"))
    if not private:
        private = tuple(_name(each) for each in parameters if _name(each) in _SECRETS_BY_CUSTOM)
    return Described(AgentTraits(restart, private), reload)


def _name(parameter: ElementTree.Element) -> str:
    return parameter.get("name", "")


def _is_set(parameter: ElementTree.Element, attribute: str) -> bool:
    return parameter.get(attribute, "").lower() in _TRUE


def _version(text: str) -> tuple[int, ...]:
    """`1.1` as numbers; what is no version counts as the oldest."""
    parts = text.strip().split(".")
    return tuple(int(part) for part in parts) if all(part.isascii() and part.isdigit() for part in parts) else ()
