"""`locate`: where a resource runs, in the words of crm_resource."""

from __future__ import annotations

from crmsh.status.model import ResourceView
from crmsh.status.reader import read_status


def find_views(views: list[ResourceView], name: str) -> list[ResourceView]:
    """The views of that id, wherever they are in the tree."""
    found: list[ResourceView] = []
    for view in views:
        if name in (view.id, view.full_id):
            found.append(view)
        else:
            found += find_views(view.children, name)
    return found


def places_of(data: bytes, name: str) -> list[tuple[str, bool]]:
    """Node and whether it is promoted there, for every active instance."""
    places = []
    for view in find_views(read_status(data).resources, name):
        for primitive in view.primitives():
            for node in primitive.nodes:
                place = (node.name, primitive.role == "Promoted")
                if place not in places:
                    places.append(place)
    return places


def location_lines(data: bytes, name: str) -> tuple[list[str], list[str]]:
    """Lines for standard output (where it runs) and for standard error (that it does not run)."""
    places = places_of(data, name)
    if not places:
        return [], [f"resource {name} is NOT running"]
    return [f"resource {name} is running on: {node} {'Promoted' if promoted else ''}" for node, promoted in places], []
