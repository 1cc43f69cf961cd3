"""Writes what a model is judged on as CSV and WAV files, for `dass evaluate`: run export_judged --data shared/data --bank DIR --out DIR.

antum.csv and tuxpaint.csv: recordings whose names say what they are (the reported ones); level-*.csv and rate-*.csv: ESC-10's fold 4 at so many dB of full
scale (mean square) and at such sampling rates; hay-*.csv: eight minutes each of what brings false alarms.
"""
import argparse
import csv
import wave
from pathlib import Path

import numpy as np
from scipy.signal import resample

from . import audioset, calibrate, features, lessons, recordings
from .efficient_at import EfficientAt

LEVELS_DB = -20, -40, -50, -60
RATES_HZ = 8_000, 11_025
HAY_LABELS = {"babble": "Speech", "music": "Music", "telephone speech": "Speech", "rain": "Rain"}


def write_wave(path, samples, rate):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).round().astype("<i2").tobytes())


def main():
    parser = argparse.ArgumentParser(
        prog="dass_training.export_judged", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bank", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=8, help="of each kind of hay")
    options = parser.parse_args()
    out = options.out
    out.mkdir(parents=True, exist_ok=True)
    sets, names = {}, audioset.labels(options.data / "audioset_labels.csv")

    def add(kind, name, samples, labels, rate=16_000):
        write_wave(out / name, samples, rate)
        sets.setdefault(kind, []).append((name, ";".join(labels)))

    def student(recording):
        return lessons.halved(recording.wave[: len(recording.wave) // 4 * 4].astype(np.float64) / 32768)

    for name in ("real", "debian"):
        for r in recordings.load(options.bank / f"{name}.pickle"):
            kind = {recordings.JUDGED_SOURCE: "antum", "tuxpaint-stamps-default": "tuxpaint"}.get(r.source)
            if kind and r.use == recordings.REPORT and r.labels:
                add(kind, f"{kind}-{len(sets.get(kind, []))}.wav", student(r), r.labels)
            elif r.source == "esc10-4":
                samples, name = student(r), Path(r.file).stem
                for db in LEVELS_DB:
                    add(f"level{db}", f"level{db}-{name}.wav", samples * features.decibels(db) / np.sqrt(np.mean(samples**2) + 1e-18), r.labels)
                for rate in RATES_HZ:
                    add(f"rate-{rate}", f"rate-{rate}-{name}.wav", resample(samples, len(samples) * rate // 16_000), r.labels, rate)
    teacher = EfficientAt(options.data / "teacher" / "mn04_as.safetensors")
    for kind, (samples, _) in calibrate.tracks(options.bank, teacher, True, options.minutes, names).items():
        name = "hay-" + kind.replace(" ", "-")
        add(name, f"{name}.wav", samples, [HAY_LABELS[kind]] if kind in HAY_LABELS else [])
    for kind, rows in sets.items():
        with open(out / f"{kind}.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([("file", "labels"), *rows])


if __name__ == "__main__":
    main()
