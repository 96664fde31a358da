"""Which primitives are fencing devices, found without reading all the others."""

import pytest

from cib import configuration
from cib.configuration import ConfiguredResource, fencing_devices
from cib.document import Document
from cib.xml import Element


def test_devices_are_primitives_of_class_stonith_whether_by_themselves_or_by_a_template(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others = "".join(f'<primitive id="r{number}" class="lsb" type="x"/>' for number in range(50))
    document = Document.from_bytes(
        b'<cib><configuration><resources><template id="t" class="stonith" type="fence_a"/>'
        b'<template id="u" class="lsb" type="x"/><primitive id="a" template="t"/><primitive id="b" template="u"/>'
        b'<group id="g"><primitive id="c" class="stonith" type="fence_c"/></group>'
        + others.encode()
        + b"</resources></configuration><status/></cib>"
    )
    read: list[str] = []
    real = configuration._resource  # noqa: SLF001 - what is read at every change of the configuration

    def reading(whole: Document, element: Element) -> ConfiguredResource:
        read.append(element.get("id", ""))
        return real(whole, element)

    monkeypatch.setattr(configuration, "_resource", reading)
    assert [(device.id, device.type) for device in fencing_devices(document)] == [("a", "fence_a"), ("c", "fence_c")]
    assert read == ["a", "b", "c"]
