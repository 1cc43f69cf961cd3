"""The bank: single sounds with known times, from clips and from makers. Scenes are mixed from it."""
import csv
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import sounds
from .sounds import RATE

HOP = 160  # activity is kept in steps of 10 ms


@dataclass
class Sound:
    wave: np.ndarray      # float32, 16 kHz
    labels: list          # display names
    active: np.ndarray    # [labels, steps of 10 ms], bool
    fold: int


def decode(path):
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "s16le", "-ac", "1", "-ar", str(RATE), "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.int16).astype(np.float32) / 32768


def audible(wave, below_peak_db=32, bridge=50):
    """Steps of 10 ms that are heard: within so many dB of the loudest, with gaps of up to `bridge` steps closed."""
    steps = len(wave) // HOP
    level = np.sqrt((wave[: steps * HOP].reshape(steps, HOP).astype(np.float64) ** 2).mean(1))
    level = np.convolve(level, np.ones(5) / 5, "same")
    heard = level > max(level.max() * 10 ** (-below_peak_db / 20), 1e-5)
    at = np.flatnonzero(heard)
    for a, b in zip(at[:-1], at[1:]):
        if b - a <= bridge:
            heard[a:b] = True
    return heard


def _trim(wave):
    """Clips of collections are often filled up with digital zeros."""
    loud = np.flatnonzero(np.abs(wave) > 2e-4)
    return wave[loud[0]:loud[-1] + 1] if len(loud) else wave[:0]


def read(data_csv):
    """CSV `file,labels[,onset,offset][,fold]`, labels separated by ';' (or `audioset_label`, one); several rows of a file are several events."""
    folder, events = Path(data_csv).parent, {}
    with open(data_csv, newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            labels = [row["audioset_label"]] if "labels" not in row else row["labels"].split(";")
            span = (float(row["onset"]), float(row["offset"])) if row.get("onset") else None
            events.setdefault((row["file"], int(row.get("fold") or 0)), []).extend((label.strip(), span) for label in labels)
    bank = []
    for (file, fold), marks in events.items():
        wave = decode(folder / file)
        if all(span is None for _, span in marks):
            wave = _trim(wave)
        if len(wave) < RATE // 10:
            continue
        heard = audible(wave)
        labels = sorted({label for label, _ in marks})
        active = np.zeros((len(labels), len(heard)), bool)
        for label, span in marks:
            row = active[labels.index(label)]
            if span is None:
                row |= heard
            else:
                row[int(span[0] * 100):int(np.ceil(span[1] * 100))] = True
        bank.append(Sound(wave, labels, active, fold))
    return bank


def make(count, seed):
    """`count` sounds of each maker; every fifth is of fold 4, which validates."""
    rng, bank = np.random.default_rng(seed), []
    for label, maker in sounds.MAKERS.items():
        for i in range(count):
            wave = maker(rng).astype(np.float32)
            wave /= np.abs(wave).max() + 1e-9
            steady = np.ones((1, len(wave) // HOP), bool)
            bank.append(Sound(wave, [label], steady if label != "Speech" else audible(wave)[None], 4 if i % 5 == 4 else 1 + i % 3))
    return bank


def babble_file(path, seconds, pieces, seed):
    """Pieces of the first `seconds` of a recording of babble."""
    rng, wave = np.random.default_rng(seed), decode(path)[: int(seconds * RATE)]
    bank = []
    for i in range(pieces):
        length = int(rng.uniform(2, min(6, seconds)) * RATE)
        at = rng.integers(0, len(wave) - length)
        piece = wave[at:at + length].copy()
        bank.append(Sound(piece / np.abs(piece).max(), ["Hubbub, speech noise, speech babble"], np.ones((1, length // HOP), bool),
                          4 if i % 5 == 4 else 1 + i % 3))
    return bank
