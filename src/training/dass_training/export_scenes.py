"""Writes scenes of unheard sounds as WAV files with their onsets and offsets, for `dass evaluate events`: --bank bank.pickle --out DIR."""
import argparse
import csv
import pickle
import wave
from pathlib import Path

import numpy as np

from .scenes import Scenes
from .sounds import RATE

FRAMES = 3000  # 30 s


def main():
    parser = argparse.ArgumentParser(prog="dass_training.export_scenes", description=__doc__)
    parser.add_argument("--bank", required=True, help="bank.pickle of a run")
    parser.add_argument("--out", required=True)
    parser.add_argument("--fold", type=int, default=4, help="fold whose sounds are used")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    given, made = pickle.loads(Path(options.bank).read_bytes())
    sounds = [s for s in given + made if s.fold == options.fold]
    hard = sorted({label for s in given for label in s.labels})
    labels = sorted({label for s in sounds for label in s.labels})
    scenes, rng = Scenes(sounds, labels, hard, times=4), np.random.default_rng(options.seed)
    with open(out / "scenes.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "labels", "onset", "offset"])
        for i in range(options.count):
            samples, activity = scenes.scene(rng, FRAMES)
            name = f"scene-{i:03}.wav"
            with wave.open(str(out / name), "wb") as sound:
                sound.setnchannels(1)
                sound.setsampwidth(2)
                sound.setframerate(RATE)
                sound.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
            for label, active in zip(labels, activity.T):
                edges = np.flatnonzero(np.diff(np.concatenate([[0], active, [0]])))
                rows.writerows([name, label, f"{begin / 100:.2f}", f"{end / 100:.2f}"] for begin, end in edges.reshape(-1, 2))


if __name__ == "__main__":
    main()
