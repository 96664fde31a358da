"""What was concluded about actions is kept until a count of changes says otherwise, so every change must be counted."""

import ast
from pathlib import Path

import pytest

import pengine

_COUNTED = {"flags", "node", "task"}
_BEFORE_ANYTHING_IS_CONCLUDED = {
    ("actions.py", "_create"): {"flags", "node"},
    ("actions.py", "change_task"): {"task"},
}
"""Where an action's fields are set by hand: while it is made, and where the change is counted at the end."""

_SOURCES = sorted(path for path in Path(pengine.__file__).parent.glob("*.py") if path.name != "action.py")


@pytest.mark.parametrize("path", _SOURCES, ids=lambda path: path.stem)
def test_fields_of_actions_are_changed_by_methods_that_count_the_change(path: Path) -> None:
    found = []
    for function in ast.walk(ast.parse(path.read_text())):
        if not isinstance(function, ast.FunctionDef) or function.name == "__init__":
            continue
        allowed = _BEFORE_ANYTHING_IS_CONCLUDED.get((path.name, function.name), set())
        for statement in ast.walk(function):
            targets: list[ast.expr] = []
            if isinstance(statement, ast.Assign):
                targets = statement.targets
            elif isinstance(statement, ast.AugAssign):
                targets = [statement.target]
            found += [
                f"{path.name}:{target.lineno}: {ast.unparse(target)}"
                for target in targets
                if isinstance(target, ast.Attribute) and target.attr in _COUNTED - allowed
            ]
    assert [line for line in found if not line.endswith((": replica.node", ": reason.node"))] == []
