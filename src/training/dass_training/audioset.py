"""AudioSet's labels in the order of the outputs."""
import csv


def labels(path):
    with open(path, newline="", encoding="utf-8") as lines:
        return [row["display_name"] for row in csv.DictReader(lines)]
