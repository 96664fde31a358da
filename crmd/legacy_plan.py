"""What the classic files become: resources, groups, constraints and options, as values and as CIB XML."""

import html

import msgspec


class Operation(msgspec.Struct, frozen=True):
    """An `op` of a primitive; times as the CIB has them."""

    name: str
    timeout: str
    interval: str = "0s"


class Primitive(msgspec.Struct, frozen=True):
    """A resource to be created."""

    id: str
    standard: str
    provider: str
    type: str
    parameters: tuple[tuple[str, str], ...]
    operations: tuple[Operation, ...]

    @property
    def agent(self) -> str:
        """The agent as people write it: ocf:heartbeat:IPaddr2."""
        return ":".join(part for part in (self.standard, self.provider, self.type) if part)


class Group(msgspec.Struct, frozen=True):
    """The resources of one line, in the order in which they start."""

    id: str
    members: tuple[Primitive, ...]


class Preference(msgspec.Struct, frozen=True):
    """`resource` runs on `node` where it can."""

    id: str
    resource: str
    node: str
    score: str


class OnlyOn(msgspec.Struct, frozen=True):
    """`resource` can only be used from `node`."""

    id: str
    resource: str
    node: str


class Plan(msgspec.Struct, frozen=True):
    """Everything that the classic files say, ready to be written into an empty CIB."""

    nodes: tuple[str, ...]
    groups: tuple[Group, ...]
    devices: tuple[Primitive, ...]
    constraints: tuple[Preference | OnlyOn, ...]
    properties: tuple[tuple[str, str], ...]
    stickiness: str
    warnings: tuple[str, ...]


def configuration_xml(plan: Plan) -> bytes:
    """The plan as a `configuration` element with the sections that it fills."""
    nodes = "".join(f"<node id={_quoted(name)} uname={_quoted(name)}/>" for name in plan.nodes)
    options = _pairs("cib-bootstrap-options", plan.properties)
    defaults = _pairs("rsc-options", (("resource-stickiness", plan.stickiness),))
    groups = "".join(
        f"<group id={_quoted(group.id)}>{''.join(_primitive(member) for member in group.members)}</group>"
        for group in plan.groups
    )
    devices = "".join(_primitive(device) for device in plan.devices)
    constraints = "".join(_constraint(item) for item in plan.constraints)
    sections = (
        f'<crm_config><cluster_property_set id="cib-bootstrap-options">{options}</cluster_property_set></crm_config>',
        f"<nodes>{nodes}</nodes>",
        f"<resources>{groups}{devices}</resources>",
        f"<constraints>{constraints}</constraints>",
        f'<rsc_defaults><meta_attributes id="rsc-options">{defaults}</meta_attributes></rsc_defaults>',
    )
    return f"<configuration>{''.join(sections)}</configuration>".encode()


def _primitive(primitive: Primitive) -> str:
    provider = f" provider={_quoted(primitive.provider)}" if primitive.provider else ""
    head = (
        f"<primitive id={_quoted(primitive.id)} class={_quoted(primitive.standard)}{provider}"
        f" type={_quoted(primitive.type)}>"
    )
    parts = [head]
    if primitive.parameters:
        name = f"{primitive.id}-instance_attributes"
        pairs = _pairs(name, primitive.parameters)
        parts.append(f"<instance_attributes id={_quoted(name)}>{pairs}</instance_attributes>")
    if primitive.operations:
        parts.append(f"<operations>{''.join(_operation(primitive.id, op) for op in primitive.operations)}</operations>")
    return "".join(parts) + "</primitive>"


def _operation(resource: str, operation: Operation) -> str:
    name = f"{resource}-{operation.name}-{operation.interval}"
    return (
        f"<op id={_quoted(name)} name={_quoted(operation.name)} interval={_quoted(operation.interval)}"
        f" timeout={_quoted(operation.timeout)}/>"
    )


def _constraint(item: Preference | OnlyOn) -> str:
    name, resource, node = _quoted(item.id), _quoted(item.resource), _quoted(item.node)
    if isinstance(item, Preference):
        return f"<rsc_location id={name} rsc={resource} node={node} score={_quoted(item.score)}/>"
    rule, expression = _quoted(f"{item.id}-rule"), _quoted(f"{item.id}-rule-expression")
    return (
        f'<rsc_location id={name} rsc={resource}><rule id={rule} score="-INFINITY">'
        f'<expression id={expression} attribute="#uname" operation="ne" value={node}/></rule></rsc_location>'
    )


def _pairs(prefix: str, pairs: tuple[tuple[str, str], ...]) -> str:
    return "".join(
        f"<nvpair id={_quoted(f'{prefix}-{name}')} name={_quoted(name)} value={_quoted(value)}/>"
        for name, value in pairs
    )


def _quoted(text: str) -> str:
    """`text` as an attribute's value; white space other than a blank would be lost in parsing."""
    escaped = html.escape(text, quote=True)
    return '"' + escaped.replace("\n", "&#10;").replace("\r", "&#13;").replace("\t", "&#9;") + '"'
