"""Durations and rates: read with their units, never guessed at, and written back as they were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos import units


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("3m", 180),
        ("1m30s", 90),
        ("500ms", 0.5),
        ("2h", 7200),
        ("1h1m1s1ms", 3661.001),
        ("1.5s", 1.5),
        ("0s", 0),
        ("24h", 86400),
        ("1440m", 86400),
    ],
)
def test_a_duration_is_the_sum_of_its_parts(text: str, seconds: float) -> None:
    assert units.duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        *("", "30", "s", "30 s", " 30s", "30s\n", "3min", "3M", "-1s", "+1s", "1s1m", "1s2s", "1e3s", ".5s", "1.s"),
        *("nan", "inf", "infs", "nans", ".inf", "٣s", "1_000s", "0x1s", "24h1ms", "9" * 5000 + "s", "1d", "1w"),
    ],
)
def test_what_is_no_duration_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(ValueError, match=r"; write (one like 500ms, 30s, 3m or 1m30s|24h at most)$"):
        units.duration(text)


@pytest.mark.parametrize(
    ("text", "per_s"), [("20/s", 20), ("30/m", 0.5), ("0.5/s", 0.5), ("200/s", 200), ("1/m", 1 / 60)]
)
def test_a_rate_is_per_second(text: str, per_s: float) -> None:
    assert units.rate(text) == per_s


@pytest.mark.parametrize(
    "text",
    ["", "20", "20/", "/s", "20/h", "20 /s", "20/s ", "-1/s", "0/s", "0.0/m", "201/s", "nan/s", "inf/s", "1e2/s"],
)
def test_what_is_no_rate_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(ValueError, match=r"; write .*\d/[sm]"):
        units.rate(text)


@given(st.integers(0, 24 * 3600 * 1000))
def test_every_duration_to_the_millisecond_survives_being_written_and_read(ms: int) -> None:
    assert units.duration(units.write_duration(ms / 1000)) == ms / 1000


@given(
    st.integers(1, 200_000).map(lambda thousandths: thousandths / 1000) | st.integers(1, 12_000).map(lambda n: n / 60)
)
def test_every_rate_survives_being_written_and_read(per_s: float) -> None:
    assert units.rate(units.write_rate(per_s)) == pytest.approx(per_s, rel=1e-6)


@pytest.mark.parametrize(("per_s", "text"), [(20, "20/s"), (0.5, "30/m"), (1 / 60, "1/m"), (1.5, "1.5/s")])
def test_a_rate_is_written_as_a_person_would(per_s: float, text: str) -> None:
    assert units.write_rate(per_s) == text


@given(st.text(max_size=20) | st.from_regex(r"[0-9.]{0,6}(h|m|s|ms|/s|/m){0,3}", fullmatch=True))
def test_any_text_is_a_unit_within_bounds_or_a_value_error(text: str) -> None:
    for read, lowest, highest in ((units.duration, 0, 86400), (units.rate, 0, 200)):
        try:
            found = read(text)
        except ValueError:
            continue
        assert lowest <= found <= highest


@given(st.text() | st.integers() | st.floats() | st.none())
def test_a_value_is_shown_on_one_short_line(value: object) -> None:
    assert units.shown(value).isprintable()
    assert len(units.shown(value)) <= 60
