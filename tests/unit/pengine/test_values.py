"""Scores, booleans, durations, versions and node names as a CIB spells them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cib.values import (
    INFINITY,
    MINUS_INFINITY,
    ValueFormatError,
    add_scores,
    boolean_or,
    compare_versions,
    format_score,
    interval_ms_or,
    is_true,
    milliseconds_to_seconds,
    node_name_key,
    parse_boolean,
    parse_interval_ms,
    parse_score,
    score_or,
)

SCORES = st.integers(MINUS_INFINITY, INFINITY)


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("0", 0),
        ("100", 100),
        ("-5", -5),
        ("INFINITY", INFINITY),
        ("+INFINITY", INFINITY),
        ("-INFINITY", MINUS_INFINITY),
        ("10x", 10),
        ("99999999999999999999", INFINITY),
        ("-99999999999999999999", MINUS_INFINITY),
    ],
)
def test_a_score_is_its_leading_number_within_the_infinities(text: str, score: int) -> None:
    assert parse_score(text) == score


@pytest.mark.parametrize("text", ["", "infinity", "much", "-"])
def test_what_is_no_score_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValueFormatError) as caught:
        parse_score(text)
    assert caught.value.value == text
    assert "INFINITY" in caught.value.expected
    assert score_or(text, 7) == 7


@given(SCORES, SCORES)
def test_adding_scores_commutes_and_never_leaves_the_range(left: int, right: int) -> None:
    assert add_scores(left, right) == add_scores(right, left)
    assert MINUS_INFINITY <= add_scores(left, right) <= INFINITY


@given(SCORES)
def test_minus_infinity_outweighs_everything(score: int) -> None:
    assert add_scores(score, MINUS_INFINITY) == MINUS_INFINITY


@given(SCORES)
def test_a_formatted_score_parses_to_itself(score: int) -> None:
    assert parse_score(format_score(score)) == score


@pytest.mark.parametrize("text", ["true", "ON", "Yes", "y", "1"])
def test_true_has_many_spellings(text: str) -> None:
    assert parse_boolean(text) is True
    assert is_true(text)


def test_what_is_no_boolean_counts_as_the_default() -> None:
    assert boolean_or("maybe", True) is True
    assert is_true("maybe") is False
    with pytest.raises(ValueFormatError):
        parse_boolean("maybe")


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("10", 10_000),
        ("10s", 10_000),
        ("10 sec", 10_000),
        ("200ms", 200),
        ("5000us", 5),
        ("2min", 120_000),
        ("2m", 120_000),
        ("1h", 3_600_000),
        ("1.5s", 1000),
        ("PT1M30S", 90_000),
        ("P30S", 30_000),
        ("P1DT1H", 90_000_000),
        ("-5s", 0),
    ],
)
def test_durations_are_in_seconds_unless_they_name_another_unit(text: str, milliseconds: int) -> None:
    assert parse_interval_ms(text) == milliseconds


@pytest.mark.parametrize("text", ["", "soon", "10 parsecs", "P", "PT", "PT5X", "P5"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueFormatError):
        parse_interval_ms(text)
    assert interval_ms_or(text, 3) == 3


@pytest.mark.parametrize(("milliseconds", "seconds"), [(0, 0), (1, 1), (999, 1), (1499, 1), (1500, 2)])
def test_milliseconds_are_rounded_but_never_to_nothing(milliseconds: int, seconds: int) -> None:
    assert milliseconds_to_seconds(milliseconds) == seconds


def test_node_names_sort_by_their_numbers() -> None:
    names = ["node10", "Node2", "node1", "node02", "anode"]
    assert sorted(names, key=node_name_key) == ["anode", "node1", "Node2", "node02", "node10"]


def test_versions_compare_number_by_number() -> None:
    assert compare_versions("3.16.0", "3.9") > 0
    assert compare_versions("3.2", "3.2.0") == 0
    assert compare_versions("3.0.14", "3.16.0") < 0
