"""AudioSet's labels in the order of the outputs, and its tree."""
import csv
from pathlib import Path

import numpy as np

TREE = Path(__file__).resolve().parents[2] / "Dass.Grid.Engine" / "models" / "audioset_tree.csv"


def labels(path):
    with open(path, newline="", encoding="utf-8") as lines:
        return [row["display_name"] for row in csv.DictReader(lines)]


def above(names):
    """[527,527]: whether the second label is the first or above it in the tree."""
    above = np.eye(len(names), dtype=bool)
    with open(TREE, newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            above[names.index(row["label"]), names.index(row["parent"])] = True
    for _ in range(6):  # the tree is less deep
        above |= (above.astype(int) @ above.astype(int)) > 0
    return above


def relatives(names):
    """[527,527]: whether one label is the other, or above or below it in the tree."""
    return above(names) | above(names).T
