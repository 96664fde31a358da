"""Values of several fields are compared and shown by what is in them."""

import pytest

from cib.record import Record, fields
from cib.rules import Rule
from pengine.state import PortMapping, StorageMapping


def test_two_with_the_same_fields_are_equal() -> None:
    assert PortMapping("80", "8080") == PortMapping("80", "8080")
    assert PortMapping("80", "8080") != PortMapping("80", "8081")
    assert Rule("r", conditions=(Rule("inner"),)) == Rule("r", conditions=(Rule("inner"),))
    assert Rule("r", conditions=(Rule("inner"),)) != Rule("r", conditions=(Rule("other"),))


def test_values_of_different_classes_are_different() -> None:
    assert PortMapping("a", "b") != StorageMapping("a", "b", None, False)
    assert PortMapping("a", "b") != ("a", "b")


def test_a_value_shows_all_its_fields() -> None:
    assert repr(PortMapping("80", "8080")) in (
        "PortMapping(source='80', target='8080')",
        "PortMapping(target='8080', source='80')",
    )


def test_a_value_that_may_change_is_no_key() -> None:
    value: Record = PortMapping("80", "8080")
    with pytest.raises(TypeError, match="unhashable"):
        hash(value)


def test_the_names_of_the_fields_are_known() -> None:
    assert sorted(fields(PortMapping("80", "8080"))) == ["source", "target"]
