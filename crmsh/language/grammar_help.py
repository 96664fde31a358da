"""How each kind of configuration line is written, for `help`."""

USAGES = {
    "node": ("node [ID:] NAME[:member|:remote] [description=…] [attributes …] [utilization …]",
             "node n3 attributes rack=r1"),
    "primitive": ("primitive ID {[CLASS:[PROVIDER:]]TYPE | @TEMPLATE} [description=…] [params …] [meta …] "
                  "[utilization …] [op NAME …]…",
                  "primitive vip IPaddr2 ip=192.0.2.10 op monitor interval=10s timeout=20s"),
    "rsc_template": ("rsc_template ID [CLASS:[PROVIDER:]]TYPE … (as primitive)",
                     "rsc_template vm VirtualDomain op monitor interval=30s"),
    "group": ("group ID RESOURCE… [description=…] [params …] [meta …]", "group site vip fs web"),
    "clone": ("clone ID RESOURCE [description=…] [params …] [meta …]", "clone cl-db db meta promotable=true"),
    "bundle": ("bundle ID {docker|podman} image=… [network …] [storage …] [meta …] [primitive RESOURCE]",
               "bundle b podman image=app:1 network ip-range-start=192.0.2.50 primitive app"),
    "location": ("location ID {RESOURCE | /PATTERN/ | { sets }} [role=…] [resource-discovery=…] "
                 "{SCORE: NODE | rule [SCORE:] EXPRESSION [and|or …]}",
                 "location site-on-n1 site 100: n1"),
    "colocation": ("colocation ID SCORE: {A[:ROLE] B[:ROLE] | sets} [node-attribute=…]   (A is placed where B is)",
                   "colocation web-with-db inf: web cl-db:Promoted"),
    "order": ("order ID [KIND:] {A[:ACTION] B[:ACTION] | sets} [symmetrical=…]   (A first, then B)",
              "order db-then-web Mandatory: cl-db:promote web:start"),
    "rsc_ticket": ("rsc_ticket ID TICKET: {RESOURCE[:ROLE] | sets} [loss-policy=stop|demote|fence|freeze]",
                   "rsc_ticket t ticketA: web loss-policy=stop"),
    "property": ("property [SET:] [rule …] NAME=VALUE…", "property no-quorum-policy=freeze"),
    "rsc_defaults": ("rsc_defaults [SET:] [rule …] NAME=VALUE…", "rsc_defaults resource-stickiness=100"),
    "op_defaults": ("op_defaults [SET:] [rule …] NAME=VALUE…", "op_defaults timeout=60s"),
    "fencing_topology": ("fencing_topology {DEVICES… | {NODE:|pattern:REGEX|attr:NAME=VALUE} DEVICES…}…",
                         "fencing_topology n1: ipmi1 pdu n2: ipmi2 pdu"),
    "role": ("role ID {read|write|deny [ID:] [description=…] SPEC…}…", "role operator write meta:web:target-role"),
    "acl_target": ("acl_target USER ROLE…", "acl_target joe operator"),
    "acl_group": ("acl_group GROUP ROLE…", "acl_group ops operator"),
    "tag": ("tag ID[:] OBJECT…", "tag stack vip web"),
    "alert": ("alert ID PATH [attributes …] [meta …] [select …] [to VALUE …]…",
              "alert mail /usr/local/bin/mail-alert to admin@example.com"),
    "monitor": ("monitor RESOURCE[:ROLE] INTERVAL[:TIMEOUT]", "monitor web 10s:20s"),
    "xml": ("xml '<element …>'", "xml '<primitive id=\"d\" class=\"ocf\" provider=\"heartbeat\" type=\"Dummy\"/>'"),
}  # fmt: skip
"""Keyword: its usage and an example."""


def usage_of(keyword: str) -> str:
    """A page for a kind of line."""
    from crmsh.language.parse import OTHER_WORDS

    usage, example = USAGES[OTHER_WORDS.get(keyword, keyword)]
    return f"Usage: {usage}\n\nExample: crm configure {example}\n"
