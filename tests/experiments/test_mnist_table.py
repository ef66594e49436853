"""The table of presets by algorithms, and the picture of what is lost."""

import dataclasses

import pytest
import train_mnist

import memjax as mj


def row(preset, algorithm, epoch, accuracy, std=0.0):
    return {
        "preset": preset,
        "algorithm": algorithm,
        "epoch": epoch,
        "accuracy": accuracy,
        "accuracy_std": std,
        "train_loss": 0.1,
        "seconds": 1.0,
    }


ROWS = [
    row("digital", "sgd", 1, 0.5),
    row("digital", "sgd", 2, 0.95),
    row("pcm", "one_sided", 2, 0.9),
    row("reram_sb", "agad", 1, 0.96),
    row("reram_sb", "agad", 2, 0.936, 0.01),
]


def test_the_last_epoch_counts_and_what_is_near_digital_is_bold():
    lines = train_mnist.markdown(ROWS, 2).splitlines()
    assert lines[0] == "|  | one_sided | agad |"
    assert lines[2:] == ["| pcm | 90.00 ± 0.00 |  |", "| reram_sb |  | **93.60 ± 1.00** |"]


def test_a_heat_map_of_what_is_lost():
    heat, _ = train_mnist.heat_map(ROWS, 2, "lost").axes
    assert heat.get_title() == "lost"
    assert [text.get_text() for text in heat.texts] == ["5.0", "1.4"]


@pytest.mark.parametrize("name", ["reram_es", "reram_array_hfo2"])
def test_what_is_left_out_is_zero_and_the_rest_stays(name):
    law = mj.training.presets.named(name)
    left = train_mnist.without(law, ("write_noise", "step_spread"))
    of = lambda law: (law.law if isinstance(law, mj.training.Referenced) else law).population
    assert of(left) == dataclasses.replace(of(law), write_noise=0.0, step_spread=0.0)
    assert of(law).write_noise > 0
