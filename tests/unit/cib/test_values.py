"""Values as they are written and read in documents, and as people are shown them."""

from __future__ import annotations

import pytest

from cib.values import readable_interval


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0s"),
        (20, "20ms"),
        (1_500, "1.500s"),
        (10_000, "10s"),
        (60_000, "1m"),
        (90_000, "1m30s"),
        (3_600_000, "1h"),
        (86_400_000, "1d"),
        (90_061_001, "1d1h1m1.001s"),
    ],
)
def test_an_interval_is_shown_in_the_largest_units_that_fit(milliseconds: int, text: str) -> None:
    assert readable_interval(milliseconds) == text
