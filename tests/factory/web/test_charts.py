import xml.etree.ElementTree as ET

import pytest
from markupsafe import Markup

from factory.web import charts
from factory.web.measure import Bin

NASTY = '"><script>alert(1)</script>'


def parsed(chart: Markup) -> ET.Element:
    return ET.fromstring(str(chart))


def course(*accuracies: float) -> list[Bin]:
    return [
        Bin(60.0 * i, 60.0 * i + 30, 40, a, max(0.0, a - 0.05), min(1.0, a + 0.05)) for i, a in enumerate(accuracies)
    ]


def every_chart() -> dict[str, Markup]:
    return {
        "sparkline": charts.sparkline([0.8, 0.9, 0.85]),
        "accuracy": charts.accuracy_chart(course(0.8, 0.9, 0.85), 0.9, 640),
        "heat map": charts.heat_map([[8, 2], [1, 9]], ["sit", "run"]),
        "bars": charts.bars("Recall", {"sit": 0.8, "run": 0.9}),
    }


@pytest.mark.parametrize("name", every_chart())
def test_every_chart_speaks_to_who_cannot_see_it_and_needs_no_inline_style(name: str) -> None:
    chart = parsed(every_chart()[name])
    assert chart.get("role") == "img"
    assert chart.findtext("title")
    assert not [
        element.tag for element in chart.iter() if "style" in element.attrib or element.tag in {"style", "script"}
    ]


@pytest.mark.parametrize(
    "chart",
    [
        pytest.param(charts.sparkline([0.5]), id="one value is no line"),
        pytest.param(charts.accuracy_chart([], 0.9, 640), id="no bins"),
        pytest.param(charts.accuracy_chart(course(0.5), None, 640), id="one bin"),
        pytest.param(charts.heat_map([[0, 0], [0, 0]], ["a", "b"]), id="nothing counted"),
        pytest.param(charts.heat_map([[1]], ["a", "b"]), id="more names than classes"),
        pytest.param(charts.heat_map([[1, 2], [1]], ["a", "b"]), id="not square"),
        pytest.param(charts.heat_map([[1] * 31] * 31, ["a"] * 31), id="too many classes to read"),
        pytest.param(charts.bars("Recall", {}), id="no bars"),
    ],
)
def test_no_chart_where_there_is_nothing_to_see(chart: Markup) -> None:
    assert chart == ""


def test_names_are_escaped() -> None:
    heat = charts.heat_map([[1, 1], [0, 1]], [NASTY, "b"])
    assert "<script" not in heat + charts.bars(NASTY, {NASTY: 0.5})
    assert NASTY in (parsed(heat).find("g/title").text or "")  # type: ignore[union-attr]  # fails loudly without one


def dots(chart: Markup) -> list[tuple[float, float]]:
    line = parsed(chart).find("polyline")
    assert line is not None
    pairs = (pair.split(",") for pair in line.attrib["points"].split())
    return [(float(x), float(y)) for x, y in pairs]


def test_a_higher_accuracy_is_drawn_higher_and_later_is_to_the_right() -> None:
    (x0, y0), (x1, y1), (x2, y2) = dots(charts.accuracy_chart(course(0.8, 0.9, 0.85), None, 640))
    assert x0 < x1 < x2
    assert y1 < y2 < y0


def test_everything_stays_inside_the_picture() -> None:
    for values in ([0.0, 1.0, 0.5], [1.0, 1.0], [0.0, 0.0]):
        spark = dots(charts.sparkline(values))
        assert all(0 <= x <= charts.SPARK_WIDTH and 0 <= y <= charts.SPARK_HEIGHT for x, y in spark)
        chart = dots(charts.accuracy_chart(course(*values), 0.5, 330))
        assert all(charts.LEFT <= x <= 330 and 0 <= y <= charts.CHART_HEIGHT for x, y in chart)


def test_noise_is_not_blown_up_to_news() -> None:
    ys = [y for _, y in dots(charts.sparkline([0.930, 0.931, 0.930]))]
    assert max(ys) - min(ys) < 0.05 * charts.SPARK_HEIGHT


def test_the_heat_map_names_the_most_frequent_mistake() -> None:
    heat = parsed(charts.heat_map([[8, 2], [5, 9]], ["sit", "run"]))
    assert heat.findtext("desc") == "Most frequent mistake: run taken for sit, 5 times."
    assert heat.findtext("title") == "Confusion matrix of 2 classes: 17 of 24 labelled windows right"


def test_bars_are_as_long_as_their_share() -> None:
    fills = [
        rect
        for rect in parsed(charts.bars("Recall", {"a": 0.25, "b": 0.5})).iter("rect")
        if rect.get("class") == "fill"
    ]
    short, long = (float(rect.attrib["width"]) for rect in fills)
    assert long == pytest.approx(2 * short, abs=0.1)
