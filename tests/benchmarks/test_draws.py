"""Whether a part that is held out is a random draw."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.claims.draws import main, spread

COUNTS = np.random.default_rng(0).integers(50, 500, 4_000)


@given(st.floats(0.05, 0.5), st.integers(0, 10**6))
def test_a_random_part_has_a_spread_of_one(share, seed):
    held = np.random.default_rng(seed).binomial(COUNTS, share)
    assert abs(spread(held, COUNTS - held, 50) - 1) < 0.06


def test_a_part_that_takes_items_together_has_more():
    rng = np.random.default_rng(0)
    held = rng.binomial(COUNTS, rng.uniform(0.1, 0.3, len(COUNTS)))
    assert spread(held, COUNTS - held, 50) > 1.5


def test_items_of_few_interactions_are_left_out():
    rng = np.random.default_rng(0)
    held = rng.binomial(COUNTS, 0.2)
    train = COUNTS - held
    rare = np.full(4_000, 3)  # each of them wholly in the part
    both = spread(np.append(held, rare), np.append(train, 0 * rare), 50)
    assert both < 1.2 < spread(np.append(held, rare), np.append(train, 0 * rare), 1)


def test_the_command_keeps_a_row_a_part(tmp_path, capsys):
    output = tmp_path / "draws.csv"
    main(["--smoke", "--output", str(output)])
    assert "validation" in capsys.readouterr().out
    lines = output.read_text().splitlines()
    assert lines[0] == "data,part,interactions,items,spread,popularity"
    assert [line.split(",")[1] for line in lines[1:]] == ["validation", "test"]
