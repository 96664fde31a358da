"""What a line says that it may not mean: it is taken, and told."""

from __future__ import annotations

from difflib import get_close_matches

from crmsh.language.objects import AttributeSet, ConfigurationObject, Container, Operations, Primitive, Properties

_KEYWORDS = ("params", "meta", "op", "utilization", "operations", "op_params", "op_meta", "rule")


def doubts(thing: ConfigurationObject) -> list[str]:
    """A name without a value that looks like a misspelt keyword (`opp monitor …` sets a parameter `opp`)."""
    if isinstance(thing, Properties):
        # The check at commit tells unknown properties of the cluster, whether they are near a known one or not.
        return [] if thing.keyword == "property" else _unknown_names("meta attribute", thing)
    sets: list[AttributeSet] = []
    if isinstance(thing, Container):
        sets += thing.sets
    elif isinstance(thing, Primitive):
        for part in thing.parts:
            if isinstance(part, Operations):
                sets += [content for operation in part.operations for content in operation.sets]
            else:
                sets.append(part)
    told = []
    for content in sets:
        if content.keyword == "meta":
            told += _unknown_meta(thing.id, content)
        for pair in content.pairs:
            close = get_close_matches(pair.name.lower(), _KEYWORDS, n=1, cutoff=0.75) if pair.value is None else []
            if close and not pair.reference:
                told.append(
                    f"'{pair.name}' of '{thing.id}' is taken as a name without a value; did you mean '{close[0]}'?"
                )
    return told


def _unknown_meta(identifier: str, content: AttributeSet) -> list[str]:
    """Meta attributes that are nearly those of the cluster. Others may be there for an agent or a tool."""
    from crmsh.configuration.properties import CLONE_META, RESOURCE_META

    known = (*RESOURCE_META, *CLONE_META, "master-max", "master-node-max")
    told = []
    for pair in content.pairs:
        close = get_close_matches(pair.name, known, n=1, cutoff=0.85) if pair.name not in known else []
        if close and pair.name.replace("_", "-") not in known:
            told.append(f"the cluster does not know the meta attribute '{pair.name}' of '{identifier}'; "
                        f"did you mean '{close[0]}'?")  # fmt: skip
    return told


def _unknown_names(kind: str, thing: Properties) -> list[str]:
    """Names that are nearly those of options. Others may be somebody's own, for tools that read them."""
    from crmsh.configuration.properties import OPERATION_ATTRIBUTES, RESOURCE_META

    known = {
        "rsc_defaults": RESOURCE_META,
        "op_defaults": OPERATION_ATTRIBUTES,
    }.get(thing.keyword, ())
    told = []
    for pair in thing.content.pairs:
        close = get_close_matches(pair.name, known, n=1, cutoff=0.85) if pair.name not in known else []
        if close and pair.name.replace("_", "-") not in known:
            told.append(f"the cluster does not know the {kind} '{pair.name}'; did you mean '{close[0]}'?")
    return told
