"""A configuration that is being edited: every change is made whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from crmsh.configuration.merge import merge
from crmsh.configuration.references import constraints_of, drop_references, refers_to, rename_references
from crmsh.configuration.sections import (
    CONTAINERS,
    RESOURCES,
    a_kind,
    kind_of,
    object_id,
    objects_of,
    section_for,
)
from crmsh.configuration.values import find_value
from crmsh.language.build import DEFAULT_SET_IDS, Context, build, operation_element
from crmsh.language.doubts import doubts
from crmsh.language.errors import LanguageError, did_you_mean
from crmsh.language.objects import (
    Bundle,
    ConfigurationObject,
    Container,
    Monitor,
    Node,
    Operation,
    Properties,
    RawXml,
)
from crmsh.language.parse import parse_line
from crmsh.language.xml import (
    Element,
    add,
    children,
    clone,
    descendants,
    find_by_id,
    make,
    make_comment,
    parent_of,
    parse_xml,
    remove,
    tag_of,
    to_line,
)


class WorkingCopy:
    """The `cib` element as it was read, and a copy of it that changes.

    Every public method that changes something either does it all or raises LanguageError and changes nothing.
    """

    def __init__(self, cib: Element, is_running: Callable[[str], bool] | None = None) -> None:
        """`is_running` tells whether a resource is active, for refusing what would orphan it."""
        self.base = cib
        self.cib = clone(cib)
        self._is_running = is_running or (lambda resource: False)
        self.notices: list[str] = []
        """What was done besides what was asked; whoever shows them empties the list."""
        self._pending_comments: list[str] = []

    @classmethod
    def from_bytes(cls, data: bytes, is_running: Callable[[str], bool] | None = None) -> WorkingCopy:
        """A copy of the document `data`. Raises MalformedXml."""
        return cls(parse_xml(data), is_running)

    @property
    def root(self) -> Element:
        """The `configuration` element."""
        for child in children(self.cib):
            if child.tag == "configuration":
                return child
        return add(self.cib, "configuration")

    @property
    def schema(self) -> str:
        """The name of the schema that the document claims."""
        return self.cib.get("validate-with", "")

    def objects(self) -> list[Element]:
        """All objects in document order."""
        return objects_of(self.root)

    def find(self, identifier: str) -> Element | None:
        """The object that people call by this name; resources before nodes of the same name."""
        found = self.find_all(identifier)
        return found[0] if found else None

    def find_all(self, identifier: str) -> list[Element]:
        """All objects of that name or id, nodes last."""
        named = [e for e in self.objects() if identifier in (object_id(e), e.get("id"))]
        return sorted(named, key=lambda element: element.tag == "node")

    def names(self, *tags: str) -> list[str]:
        """The names of all objects of these elements, or of all."""
        return [object_id(element) for element in self.objects() if not tags or element.tag in tags]

    def node_names(self) -> list[str]:
        """The names of all nodes."""
        return self.names("node")

    @property
    def changed(self) -> bool:
        """True where something differs from what was read."""
        return to_line(self.base) != to_line(self.cib)

    @property
    def text(self) -> str:
        """The whole document in one line."""
        return to_line(self.cib)

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Undo everything when the change fails."""
        before = clone(self.cib)
        said = list(self.notices)
        try:
            yield
        except Exception:
            self.cib, self.notices = before, said
            raise

    # --- entering lines

    def enter(self, line: str) -> None:
        """Take in one configuration line; a comment waits for the next object. Raises LanguageError."""
        text = line.strip()
        if text.startswith("#"):
            self._pending_comments.append(text.lstrip("#").strip())
            return
        thing = parse_line(line)
        with self._whole():
            try:
                element = self.put(thing)
            except LanguageError as error:
                if not error.line:
                    error.line, error.start, error.end = line, *_place_of(line, error)
                raise
            self._attach_comments(element)
            self.notices += doubts(thing)

    def forget_comments(self) -> None:
        """Comments belong to the object that follows at once; something else came."""
        self._pending_comments = []

    def _attach_comments(self, element: Element) -> None:
        parent = parent_of(element)
        if parent is not None:
            for comment in self._pending_comments:
                element.addprevious(make_comment(comment.replace("--", "- -")))
        self._pending_comments = []

    def put(self, thing: ConfigurationObject, update: bool = False) -> Element:
        """Add an object; with `update` merge it into one of the same name. Returns its element."""
        if isinstance(thing, Monitor):
            return self._add_monitor(thing)
        if isinstance(thing, RawXml):
            return self._put_raw(thing, update)
        if isinstance(thing, Container) and thing.keyword == "master":
            thing = self._as_clone(thing)
        previous = self._previous(thing)
        merging = update or isinstance(thing, (Properties, Node))
        if previous is not None and not merging and tag_of(previous) != "fencing-topology":
            raise LanguageError(
                kind_of(previous),
                f"the id '{object_id(previous)}' is in use by {a_kind(previous)}: choose another id, or change that",
            )
        context = Context.of(self.root, previous)
        element = build(thing, context, previous)
        if previous is not None and not isinstance(thing, Properties) and tag_of(previous) != tag_of(element):
            raise LanguageError(kind_of(element), f"'{object_id(previous)}' is {a_kind(previous)} already")
        if isinstance(thing, Properties):
            _check_rules(previous, element)
        if previous is not None and tag_of(previous) != "fencing-topology":
            merge(previous, element)
            element = previous
        else:
            if previous is not None:
                remove(previous)
            self._insert(thing, element)
        if isinstance(thing, (Container, Bundle)):
            members = thing.members if isinstance(thing, Container) else (thing.primitive,) if thing.primitive else ()
            self._set_members(element, members)
        return element

    def _as_clone(self, thing: Container) -> Container:
        """The current form of `ms`: a promotable clone."""
        from crmsh.language.objects import AttributeSet, Pair

        self.notices.append(f"ms {thing.id} is written in its current form, a clone with promotable=true")
        sets = list(thing.sets)
        place = next((n for n, content in enumerate(sets) if content.keyword == "meta" and not content.rules), None)
        pair = Pair("promotable", "true")
        if place is None:
            sets.append(AttributeSet("meta", pairs=(pair,)))
        elif all(known.name != "promotable" for known in sets[place].pairs):
            content = sets[place]
            sets[place] = AttributeSet(
                "meta", content.id, content.reference, content.score, content.rules, (*content.pairs, pair)
            )
        return Container("clone", thing.id, thing.members, thing.description, tuple(sets))

    def _previous(self, thing: ConfigurationObject) -> Element | None:
        if isinstance(thing, Properties):
            wanted = thing.id or ("" if thing.content.reference else DEFAULT_SET_IDS[thing.keyword])
            found = find_by_id(self.root, wanted) if wanted else None
            if found is not None and kind_of(found) != thing.keyword:
                raise LanguageError(thing.keyword, f"the id '{wanted}' is in use by {a_kind(found)}")
            return found
        if isinstance(thing, Node):
            nodes = [e for e in self.objects() if e.tag == "node"]
            return next((e for e in nodes if thing.name == e.get("uname") or thing.id == e.get("id") != ""), None)
        return next((e for e in self.find_all(thing.id) if e.tag != "node"), None)

    def _insert(self, thing: ConfigurationObject, element: Element) -> None:
        if element.tag == "fencing-topology":
            old = section_for(self.root, "", "fencing-topology")
            self.root.replace(old, element)
            return
        keyword = thing.keyword if isinstance(thing, Properties) else ""
        name = "" if keyword in ("", "property") else keyword
        section_for(self.root, "" if name else tag_of(element), name).append(element)

    def _put_raw(self, thing: RawXml, update: bool) -> Element:
        element = parse_xml(thing.text)
        tag = tag_of(element)
        kinds = ("primitive", "group", "clone", "master", "bundle", "template", "node", "rsc_location",
                 "rsc_colocation", "rsc_order", "rsc_ticket", "cluster_property_set", "acl_role", "acl_target",
                 "acl_group", "tag", "alert", "fencing-topology", "rsc_defaults", "op_defaults")  # fmt: skip
        if tag not in kinds:
            raise LanguageError("xml", f"<{tag}> is not an object of the configuration{did_you_mean(tag, kinds)}")
        if tag in ("rsc_defaults", "op_defaults"):
            section = section_for(self.root, "", tag)
            for child in children(element):
                section.append(child)
            return section
        if tag == "fencing-topology":
            self.root.replace(section_for(self.root, "", tag), element)
            return element
        identifier = element.get("id", "")
        if not identifier:
            raise LanguageError("xml", f"<{tag}> has no id")
        previous = next((e for e in self.find_all(identifier) if (e.tag == "node") == (tag == "node")), None)
        if previous is not None and not update:
            raise LanguageError("xml", f"the id '{identifier}' is in use by {a_kind(previous)}")
        inner = {e.get("id", "") for e in descendants(element) if e.tag in RESOURCES and e is not element}
        for name in sorted(inner):
            known = find_by_id(self.root, name)
            if known is not None and not (previous is not None and known in list(descendants(previous))):
                remove(known)
        if previous is not None:
            parent = parent_of(previous)
            assert parent is not None
            parent.replace(previous, element)
        else:
            section_for(self.root, tag).append(element)
        return element

    def _add_monitor(self, thing: Monitor) -> Element:
        element = self.find(thing.id)
        if element is None or element.tag not in ("primitive", "template"):
            raise LanguageError("monitor", f"there is no primitive '{thing.id}'{self._suggest(thing.id, 'primitive')}")
        operations = next((child for child in children(element) if child.tag == "operations"), None)
        if operations is None:
            operations = make("operations")
            element.append(operations)
        given = [("role", thing.role), ("interval", thing.interval), ("timeout", thing.timeout)]
        operation = Operation("monitor", tuple((name, value) for name, value in given if value))
        made = operation_element(operation, Context.of(self.root))
        for other in children(operations):
            if other.get("name") == "monitor" and other.get("interval") == thing.interval:
                raise LanguageError(
                    "monitor",
                    f"'{thing.id}' has a monitor with interval {thing.interval} already: use another interval",
                )
        base = f"{thing.id}-monitor-{thing.interval}"
        used = Context.of(self.root).used
        made.set(
            "id",
            base if base not in used else next(f"{base}-{n}" for n in range(len(used)) if f"{base}-{n}" not in used),
        )
        operations.append(made)
        return element

    # --- members of containers

    def _set_members(self, container: Element, members: tuple[str, ...]) -> None:
        """Let a group, clone or bundle have these members, in this order; others go back to the resources."""
        kind = kind_of(container)
        allowed = ("primitive",) if kind in ("group", "bundle") else ("primitive", "group")
        place = 0
        current = [child for child in children(container) if child.tag in RESOURCES]
        elements = []
        for name in members:
            element = self.find(name)
            if element is None or element.tag not in allowed:
                what = "no such resource" if element is None else f"it is {a_kind(element)}"
                raise LanguageError(
                    kind, f"'{name}' cannot be in {kind} '{container.get('id')}': {what}{self._suggest(name, *allowed)}"
                )
            parent = parent_of(element)
            if parent is not None and parent is not container and parent.tag in CONTAINERS:
                raise LanguageError(
                    kind, f"'{name}' is in {kind_of(parent)} '{parent.get('id')}' already: take it out of there first"
                )
            elements.append(element)
        for child in current:
            if child not in elements:
                self._to_top(child)
        for element in elements:
            remove(element)
        if container.tag == "bundle":
            place = next((n for n, c in enumerate(container) if c.tag == "meta_attributes"), len(container))
            for element in elements:
                container.insert(place, element)
            return
        for element in elements:
            container.append(element)

    def _to_top(self, element: Element) -> None:
        """Put a member of a container back among the resources, where its outermost container stands."""
        outermost = element
        while (parent := parent_of(outermost)) is not None and parent.tag in CONTAINERS:
            outermost = parent
        if outermost is not element:
            remove(element)
            outermost.addprevious(element)

    def modify_group(self, group: str, verb: str, member: str, where: str = "", neighbour: str = "") -> None:
        """`modgroup`: add a primitive to a group (after or before another member), or take one out."""
        element = self.find(group)
        if element is None or element.tag != "group":
            raise LanguageError("modgroup", f"there is no group '{group}'{self._suggest(group, 'group')}")
        members = [child.get("id", "") for child in children(element) if child.tag in RESOURCES]
        if verb == "remove":
            if member not in members:
                raise LanguageError("modgroup", f"'{member}' is not in group '{group}' ({', '.join(members)})")
            if len(members) == 1:
                raise LanguageError("modgroup", f"'{member}' is the last member: delete the group '{group}' instead")
            members.remove(member)
        else:
            if member in members:
                raise LanguageError("modgroup", f"'{member}' is in group '{group}' already")
            place = len(members)
            if where:
                if neighbour not in members:
                    raise LanguageError("modgroup", f"'{neighbour}' is not in group '{group}' ({', '.join(members)})")
                place = members.index(neighbour) + (where == "after")
            members.insert(place, member)
        with self._whole():
            found = find_by_id(self.root, group)
            assert found is not None
            self._set_members(found, tuple(members))

    # --- removing, renaming, values

    def delete(self, identifiers: list[str], force: bool = False) -> None:
        """Remove objects; what refers to them is adjusted, with a notice each. A running resource needs `force`."""
        with self._whole():
            for identifier in identifiers:
                found = self.find_all(identifier)
                if not found:
                    raise LanguageError("delete", f"there is no object '{identifier}'{self._suggest(identifier)}")
                for element in found[:1]:
                    self._delete(element, force)

    def _delete(self, element: Element, force: bool) -> None:
        name = object_id(element)
        tag = tag_of(element)
        if tag == "primitive" and not force and self._is_running(name):
            raise LanguageError("delete", f"resource '{name}' is running: stop it first, or use --force")
        if tag == "template":
            for user in [e for e in self.objects() if e.get("template") == name]:
                self._delete(user, force)
                self.notices.append(f"primitive {object_id(user)} removed: it was made from template {name}")
        if tag in CONTAINERS:
            self._dissolve(element)
            return
        parent = parent_of(element)
        remove(element)
        if tag == "fencing-topology":
            return
        if tag in RESOURCES or tag in ("rsc_location", "rsc_colocation", "rsc_order", "tag", "template"):
            self.notices += drop_references(self.root, name)
        if parent is not None and parent.tag in CONTAINERS:
            self._drop_if_empty(parent)

    def _drop_if_empty(self, container: Element) -> None:
        if any(child.tag in RESOURCES for child in children(container)) or container.tag == "bundle":
            return
        name, parent = object_id(container), parent_of(container)
        self.notices.append(f"{kind_of(container)} {name} removed: it has no member left")
        remove(container)
        self.notices += drop_references(self.root, name)
        if parent is not None and parent.tag in CONTAINERS:
            self._drop_if_empty(parent)

    def _dissolve(self, container: Element) -> None:
        """Remove a container, keep its members. Constraints on a clone pass to its only member."""
        name, parent = object_id(container), parent_of(container)
        assert parent is not None
        members = [child for child in children(container) if child.tag in RESOURCES]
        place = list(parent).index(container)
        for offset, member in enumerate(members):
            container.remove(member)
            parent.insert(place + offset, member)
        remove(container)
        if len(members) == 1:
            for constraint in constraints_of(self.root):
                if refers_to(constraint, name):
                    self.notices.append(
                        f"{kind_of(constraint)} {constraint.get('id')} now is about {object_id(members[0])}"
                    )
            rename_references(self.root, name, object_id(members[0]))
        else:
            self.notices += drop_references(self.root, name)
        if parent.tag in CONTAINERS and len(members) > 1 and parent.tag != "group":
            # A clone of a group that is gone cannot hold several primitives.
            self._dissolve(parent)

    def rename(self, old: str, new: str, force: bool = False) -> None:
        """Change an object's id everywhere."""
        element = self.find(old)
        if element is None:
            raise LanguageError("rename", f"there is no object '{old}'{self._suggest(old)}")
        if element.tag in ("node", "cluster_property_set", "fencing-topology", "meta_attributes"):
            raise LanguageError("rename", f"{a_kind(element)} cannot be renamed")
        if find_by_id(self.root, new) is not None:
            raise LanguageError("rename", f"the id '{new}' is in use")
        if element.tag == "primitive" and not force and self._is_running(old):
            raise LanguageError("rename", f"resource '{old}' is running: stop it first, or use --force")
        with self._whole():
            found = self.find(old)
            assert found is not None
            found.set("id", new)
            rename_references(self.root, old, new)

    def set_value(self, path: str, value: str) -> None:
        """`set id.name value`, `set id.op[.interval].name value`: change one value that is there."""
        with self._whole():
            target, attribute = find_value(self, path)
            target.set(attribute, value)
            if target.tag == "op" and attribute == "interval":
                context = Context.of(self.root)
                made = f"{target.get('id', '').rpartition('-')[0]}-{value}"
                if made not in context.used:
                    target.set("id", made)

    def get_value(self, path: str) -> str:
        """The value that `set` would change."""
        target, attribute = find_value(self, path)
        return target.get(attribute, "")

    def erase(self, nodes: bool = False) -> None:
        """Remove everything but the nodes, or the nodes alone."""
        for section in children(self.root):
            if (section.tag == "nodes") == nodes:
                for child in list(section):
                    section.remove(child)
                if section.tag in ("fencing-topology",):
                    self.root.remove(section)

    # --- many objects at once

    def replace_objects(self, chosen: list[Element], things: list[ConfigurationObject]) -> None:
        """What `edit` and `filter` do: objects that were chosen become what the text says; those it lacks go.

        Members of groups and clones are free while the change is made, so that they can change places.
        """
        with self._whole():
            names = [(tag_of(e), object_id(e), e.get("id", "")) for e in chosen]
            old = {
                (tag, identifier): clone(element) for (tag, _, identifier), element in zip(names, chosen, strict=True)
            }
            new_names = {self._name_of(thing) for thing in things}
            for tag, _name, identifier in names:
                if tag in CONTAINERS:
                    self._free_members(identifier)
            for tag, name, identifier in names:
                element = self._same(tag, identifier, name)
                if element is None or tag in CONTAINERS:
                    continue
                if name not in new_names and identifier not in new_names:
                    self._delete(element, force=False)
            self._put_all(things, old)

    @staticmethod
    def _name_of(thing: ConfigurationObject) -> str:
        if isinstance(thing, Properties):
            return thing.id or DEFAULT_SET_IDS[thing.keyword]
        return thing.name if isinstance(thing, Node) else thing.id

    def _same(self, tag: str, identifier: str, name: str) -> Element | None:
        return next(
            (e for e in self.objects() if e.tag == tag and object_id(e) == name and e.get("id", "") == identifier), None
        )

    def _free_members(self, identifier: str) -> None:
        container = next((e for e in self.find_all(identifier) if e.tag in CONTAINERS), None)
        if container is None:
            return
        for child in children(container):
            if child.tag in RESOURCES:
                if child.tag in CONTAINERS:
                    self._free_members(child.get("id", ""))
                found = find_by_id(self.root, child.get("id", ""))
                if found is not None:
                    self._to_top(found)
        remove(container)

    def _put_all(self, things: list[ConfigurationObject], old: dict[tuple[str, str], Element]) -> None:
        """Put objects in an order in which members come before what contains them."""
        for thing in sorted(things, key=_dependency_rank):
            if isinstance(thing, (Monitor, RawXml)):
                self.put(thing, update=True)
                continue
            current = self._previous(thing)
            previous = (
                current
                if current is not None
                else next((e for (_, identifier), e in old.items() if identifier == self._name_of(thing)), None)
            )
            context = Context.of(self.root, previous)
            element = build(thing, context, previous)
            if current is not None:
                parent = parent_of(current)
                assert parent is not None
                parent.replace(current, element)
            else:
                self._insert(thing, element)
            if isinstance(thing, Container):
                self._set_members(element, thing.members)
            elif isinstance(thing, Bundle) and thing.primitive:
                self._set_members(element, (thing.primitive,))

    def load(self, things: list[ConfigurationObject], method: str) -> None:
        """`load`: replace (all but nodes), update (merge by name) or push (update, then remove what is lacking)."""
        with self._whole():
            if method == "replace":
                self.erase()
            if method == "push":
                kept = {self._name_of(thing) for thing in things}
                for name in [object_id(e) for e in self.objects() if e.tag != "node"]:
                    element = self.find(name)
                    if name not in kept and element is not None:
                        self._delete(element, force=True)
            for thing in sorted(things, key=_dependency_rank):
                try:
                    self.put(thing, update=True)
                except LanguageError as error:
                    error.about = thing
                    raise

    def _suggest(self, name: str, *tags: str) -> str:
        return did_you_mean(name, self.names(*tags))


def _dependency_rank(thing: ConfigurationObject) -> int:
    if isinstance(thing, Container):
        return 2 if thing.keyword == "group" else 3
    if isinstance(thing, Node):
        return 0
    return 4 if isinstance(thing, Monitor) else 1 if not isinstance(thing, Bundle) else 3


def _check_rules(previous: Element | None, element: Element) -> None:
    """A rule would make values conditional that were given without one."""
    if previous is None or not any(child.tag == "rule" for child in children(element)):
        return
    raise LanguageError(
        kind_of(previous),
        f"the set '{previous.get('id')}' is there already and a rule would apply to all of it: "
        f"name another set, as in '{kind_of(previous)} ID: rule …'",
    )


def _place_of(line: str, error: LanguageError) -> tuple[int, int]:
    """Where the first quoted word of a message stands in the line; nowhere when it is not in it."""
    word = error.message.partition("'")[2].partition("'")[0]
    start = line.find(word, line.find(" ")) if word else -1
    return (start, start + len(word)) if start >= 0 else (-1, -1)
