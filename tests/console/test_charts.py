"""Charts: scales with round steps, places of shapes and labels that have room."""

import pytest

from payments_project.console.charts import (
    BAD,
    Bar,
    Chart,
    LineChart,
    Point,
    Ranked,
    Ranking,
    Series,
    count_tick,
    drawn,
    money_tick,
    round_ticks,
    share_ticks,
)


@pytest.mark.parametrize(
    ("most", "ticks"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (3, [0, 1, 2, 3]),
        (5, [0, 2, 4, 6]),
        (9, [0, 5, 10]),
        (10, [0, 5, 10]),
        (41, [0, 20, 40, 60]),
        (99, [0, 25, 50, 75, 100]),
        (100, [0, 25, 50, 75, 100]),
        (1_234_567, [0, 500_000, 1_000_000, 1_500_000]),
        (9 * 10**17, [0, 25 * 10**16, 5 * 10**17, 75 * 10**16, 10**18]),
    ],
)
def test_a_scale_has_few_round_whole_steps(most: int, ticks: list[int]) -> None:
    assert round_ticks(most) == ticks


def test_every_scale_holds_its_value_in_five_ticks() -> None:
    for most in [*range(1, 2_000), *(7**power for power in range(4, 20))]:
        ticks = round_ticks(most)
        assert len(ticks) <= 5
        assert ticks[-2] < most <= ticks[-1]


@pytest.mark.parametrize(
    ("least", "ticks"),
    [
        (1, [95, 100]),
        (0.97, [95, 100]),
        (0.81, [80, 85, 90, 95, 100]),
        (0.66, [60, 70, 80, 90, 100]),
        (0.5, [50, 75, 100]),
        (0, [0, 25, 50, 75, 100]),
    ],
)
def test_a_scale_of_shares_begins_where_the_lowest_needs_it(least: float, ticks: list[int]) -> None:
    assert [round(100 * tick) for tick in share_ticks(least)] == ticks


def test_values_of_the_scale_are_short() -> None:
    assert [count_tick(count) for count in (0, 250, 2_500, 1_000_000)] == ["0", "250", "2.5K", "1M"]
    assert [money_tick("USD")(amount) for amount in (0, 2_500, 250_000)] == ["$0", "$25", "$2.5K"]
    assert money_tick("JPY")(2_500_000) == "¥2.5M"
    assert money_tick("KWD")(1_500_000) == "KWD\N{NO-BREAK SPACE}1.5K"
    assert money_tick("XQX")(1_500) == "1,500"


def test_columns_stand_on_each_other_in_the_scales_units() -> None:
    bars = [Bar("a", "3 and 1", (3, 1)), Bar("b", "none", (0, 0))]
    chart = Chart("Payments", bars, series=(Series("good"), Series("bad", BAD)))
    drawing = drawn(chart)
    first, second = drawing["columns"]
    assert drawing["scale"] == ["4", "3", "2", "1", "0"]
    assert [(part["y"], part["height"], part["tone"]) for part in first["parts"]] == [
        (41.0, 105.0, "main"),
        (6.0, 35.0, "bad"),
    ]
    assert second["parts"] == []
    assert [series.words for series in drawing["legend"]] == ["good", "bad"]


def test_what_is_there_is_seen_however_little() -> None:
    bars = [Bar("a", "", (1,)), Bar("b", "", (1_000_000,))]
    assert drawn(Chart("Volume", bars))["columns"][0]["parts"][0]["height"] == 1.5


def test_a_chart_of_zeros_says_so_instead() -> None:
    assert drawn(Chart("Refunds", [Bar("a", "", (0,))], empty="No refunds."))["is_empty"]
    assert drawn(LineChart("Rate", [Point("a", "", None)]))["is_empty"]
    assert drawn(Chart("Nothing at all", []))["is_empty"]


def test_a_line_has_a_gap_where_there_is_no_share() -> None:
    shares = [0.8, 1.0, None, 0.9]
    points = [Point(str(place), "", share) for place, share in enumerate(shares)]
    drawing = drawn(LineChart("Success", points))
    assert [dot["y"] for dot in drawing["dots"]] == [146.0, 6.0, 76.0]
    assert [(first["x"], last["x"]) for first, last in drawing["lines"]] == [(12.5, 37.5)]


@pytest.mark.parametrize("count", [1, 2, 7, 12, 24, 30, 31, 92])
def test_labels_have_room_and_the_last_is_among_them(count: int) -> None:
    words = [f"{place:02} Nov" for place in range(count)]
    for is_wide, most in ((False, 8), (True, 15)):
        bars = [Bar(word, "", (1,)) for word in words]
        labels = drawn(Chart("Days", bars, is_wide=is_wide))["labels"]
        assert labels[0]["words"] == words[-1]
        assert not labels[0]["is_minor"]
        assert 1 <= len(labels) <= most
        assert sum(not label["is_minor"] for label in labels) <= 6


def test_a_rankings_bars_are_shares_of_the_first() -> None:
    rows = [Ranked("a", "200", 200), Ranked("b", "50", 50), Ranked("c", "0", 0.1)]
    assert [share for _, share in drawn(Ranking("Most", rows, empty=""))["rows"]] == [
        100, 25, 0.8
    ]  # fmt: skip
