"""The service of the example as a configuration that Pacekeeper and Pacemaker both read: one text for both."""

GROUP = "web"
RESOURCES = ("address", "disk", "httpd")
ADDRESS = "172.16.20.100"

OPTIONS = (
    '<crm_config><cluster_property_set id="cib-bootstrap-options">'
    '<nvpair id="opt-fencing" name="stonith-enabled" value="false"/>{more}'
    "</cluster_property_set></crm_config>"
)


def resources(device: str, provider: str) -> str:
    """Address, file system and web server; `provider` has the agents IPaddr2 and Filesystem."""
    address = _primitive(
        "address", f'class="ocf" provider="{provider}" type="IPaddr2"', "5s", ip=ADDRESS, cidr_netmask="16", nic="eth0"
    )
    disk = _primitive(
        "disk",
        f'class="ocf" provider="{provider}" type="Filesystem"',
        "20s",
        device=device,
        directory="/var/www/html",
        fstype="ext4",
    )
    httpd = _primitive("httpd", 'class="lsb" type="httpd"', "10s")
    return f'<resources><group id="{GROUP}">{address}{disk}{httpd}</group></resources>'


def defaults() -> str:
    """Nothing moves back by itself."""
    return (
        '<rsc_defaults><meta_attributes id="defaults"><nvpair id="defaults-stickiness" name="resource-stickiness" '
        'value="INFINITY"/></meta_attributes></rsc_defaults>'
    )


def document(*, ids: dict[str, str], body: str = "<resources/>", more_options: str = "", tail: str = "") -> str:
    """A whole cib.xml. `ids`: node id -> name; `more_options`: nvpair elements."""
    nodes = "".join(f'<node id="{number}" uname="{name}"/>' for number, name in ids.items())
    return (
        '<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0">'
        f"<configuration>{OPTIONS.format(more=more_options)}<nodes>{nodes}</nodes>{body}<constraints/>{tail}"
        "</configuration><status/></cib>"
    )


def _primitive(name: str, agent: str, interval: str, **parameters: str) -> str:
    pairs = "".join(f'<nvpair id="{name}-{key}" name="{key}" value="{value}"/>' for key, value in parameters.items())
    attributes = f'<instance_attributes id="{name}-parameters">{pairs}</instance_attributes>' if pairs else ""
    return (
        f'<primitive id="{name}" {agent}>{attributes}<operations>'
        f'<op id="{name}-monitor" name="monitor" interval="{interval}" timeout="40s"/></operations></primitive>'
    )
