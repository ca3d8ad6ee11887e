"""Rows on their way into the table, and what pairs of them say."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import table
from benchmarks.table import Row


def rows(side: str, accuracies: dict[tuple[str, int], float]) -> list[Row]:
    return [Row(name, side, seed, value, value, 10.0, 1000, 1.0) for (name, seed), value in accuracies.items()]


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "models.json"
    assert table.read(path) == []
    written = rows("ours", {("a", 0): 0.9, ("b", 1): 0.8})
    table.write(written, path)
    assert table.read(path) == written
    assert [each.name for each in path.parent.iterdir()] == ["models.json"]


def test_a_difference_counts_sets_and_not_seeds() -> None:
    ours = rows("ours", {("a", 0): 0.92, ("a", 1): 0.94, ("b", 0): 0.81, ("c", 0): 0.5})
    theirs = rows("theirs", {("a", 0): 0.90, ("a", 1): 0.90, ("b", 0): 0.80, ("d", 0): 0.9})
    found = table.difference(ours + theirs, "ours", "theirs")
    assert found is not None
    assert (found.sets, found.pairs) == (2, 3)
    assert found.points == pytest.approx((3 + 1) / 2)
    assert table.difference(ours, "ours", "theirs") is None


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        pytest.param([1.0] * 6, 2 / 64, id="all signs alike"),
        pytest.param([1.0, -1.0], 1.0, id="no difference"),
        pytest.param([3.0, 2.0, -1.0], 4 / 8, id="counted by hand"),
    ],
)
def test_p_is_the_share_of_signs_that_do_as_well(differences: list[float], p: float) -> None:
    assert table.permuted(np.array(differences)) == pytest.approx(p)


def test_many_sets_are_sampled() -> None:
    assert table.permuted(np.full(30, 0.5)) < 1e-4
    assert table.permuted(np.tile([0.5, -0.4], 15)) > 0.3


def test_the_table_has_a_line_a_set_and_side() -> None:
    lines = table.mean_rows(rows("ours", {("a", 0): 0.92, ("a", 1): 0.94, ("b", 0): 0.81}))
    assert len(lines) == 3
    assert "93.00 +- 1.41" in lines[1]
