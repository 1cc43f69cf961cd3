"""Scenes: up to four overlapping sounds at varied levels over varied backgrounds, with known onsets and offsets."""
import numpy as np
import torch

from . import features
from .bank import HOP
from .model import FRAMES_PER_COLUMN
from .sounds import RATE, SILENCE, coloured_noise

ENOUGH = 8          # a sound is in a span when at least 80 ms of it are
SILENT_DB = -66.0   # of full scale
EASY_DB = -38.0     # level of the quietest scenes while a student knows nothing: quieter ones keep it from learning
BEDS = "Hubbub, speech noise, speech babble", "Speech", "White noise", "Pink noise", "Mains hum"  # what may go on below a whole scene


class Scenes:
    """Draws scenes from sounds. `labels` is the order of the targets; `favour` are labels drawn `times` as often (the hard ones); `endless` is the
    share of scenes with a sound below them that never stops; `quietest` the level of the loudest sound of the quietest scenes, dB of full scale.
    `hard`, 0 to 1, is how much of `endless` and of `quietest` holds now."""

    def __init__(self, bank, labels, favour=(), times=3, endless=0.0, quietest=-60.0):
        self.labels = labels
        self.by_label = {label: [s for s in bank if label in s.labels] for label in labels if label != SILENCE}
        weights = np.array([times if label in favour else 1.0 for label in self.by_label])
        self.names, self.chances = list(self.by_label), weights / weights.sum()
        self.endless, self.quietest, self.hard = endless, quietest, 1.0
        self.beds = [s for label in BEDS for s in self.by_label.get(label, [])]
        rng = np.random.default_rng(0)
        self.noises = [coloured_noise(rng, 1 << 18, exponent).astype(np.float32) for exponent in np.linspace(0.5, 2.5, 16)]

    def sound(self, rng):
        pool = self.by_label[self.names[rng.choice(len(self.names), p=self.chances)]]
        return pool[rng.integers(len(pool))]

    def batch(self, rng, size, frames):
        """Waves [B,N] and activity [B,T,K] in frames, both of `frames` frames."""
        pairs = [self.scene(rng, frames) for _ in range(size)]
        return torch.from_numpy(np.stack([wave for wave, _ in pairs])), torch.from_numpy(np.stack([act for _, act in pairs]))

    def scene(self, rng, frames):
        samples = features.samples_of(frames)
        wave, activity = np.zeros(samples, np.float32), np.zeros((frames, len(self.labels)), np.float32)
        count = 0 if rng.random() < 0.03 else 1 + rng.choice(4, p=[0.55, 0.27, 0.12, 0.06])
        level = rng.uniform(EASY_DB + (self.quietest - EASY_DB) * self.hard, -12)
        for _ in range(count):
            self._add(rng, wave, activity, self.sound(rng), level - rng.uniform(0, 12))
        if self.beds and rng.random() < self.endless * self.hard:
            self._bed(rng, wave, activity, level - rng.uniform(0, 25))
        else:
            self._background(rng, wave, level)
        peak = np.abs(wave).max()
        if peak > 0.99:
            wave *= 0.99 / peak
        if SILENCE in self.labels:
            steps = wave[: frames * HOP].reshape(frames, HOP)
            quiet = np.sqrt((steps.astype(np.float64) ** 2).mean(1)) < features.decibels(SILENT_DB)
            activity[:, self.labels.index(SILENCE)] = quiet
        return wave, activity

    def _add(self, rng, wave, activity, sound, level_db):
        samples, active = varied(rng, sound)
        room = len(wave)
        if len(samples) > room:  # a random part of a long sound
            at = rng.integers(0, len(samples) - room) // HOP * HOP
            samples, active = samples[at:at + room], active[:, at // HOP:]
        rms = np.sqrt(np.mean(samples[samples != 0] ** 2)) if np.any(samples) else 1.0
        gain = features.decibels(level_db) / rms
        start = rng.integers(0, max(1, (room - len(samples)) // HOP)) * HOP
        wave[start:start + len(samples)] += gain * samples
        first = start // HOP
        for label, row in zip(sound.labels, active):
            if label in self.labels:
                row = row[: len(activity) - first]
                column = activity[first:first + len(row), self.labels.index(label)]
                np.maximum(column, row, out=column)

    def _bed(self, rng, wave, activity, level_db):
        """A sound that never stops, with its labels: what else is heard is heard above it."""
        bed = self.beds[rng.integers(len(self.beds))]
        repeats = -(-len(wave) // len(bed.wave)) + 1
        at = rng.integers(len(bed.active[0])) * HOP
        rms = np.sqrt(np.mean(bed.wave[bed.wave != 0] ** 2))
        wave += np.float32(features.decibels(level_db) / rms) * np.tile(bed.wave, repeats)[at:at + len(wave)]
        for label in bed.labels:
            if label in self.labels:
                activity[:, self.labels.index(label)] = 1

    def _background(self, rng, wave, level):
        if rng.random() < 0.35:
            return  # digital silence
        noise = self.noises[rng.integers(len(self.noises))]
        at = rng.integers(len(noise))
        wave += np.float32(features.decibels(level - rng.uniform(18, 45))) * noise.take(np.arange(at, at + len(wave)), mode="wrap")

    def silence_index(self):
        return self.labels.index(SILENCE) if SILENCE in self.labels else None


def varied(rng, sound):
    """The sound a little faster or slower, through a random gentle filter, sometimes cut short. Samples and activity stay aligned."""
    samples, active = sound.wave, sound.active
    if rng.random() < 0.3 and len(samples) > 2 * RATE:
        keep = int(rng.uniform(1, len(samples) / RATE) * 100)
        at = rng.integers(0, active.shape[1] - keep + 1)
        if active[:, at:at + keep].sum() > 30:
            samples, active = samples[at * HOP:(at + keep) * HOP], active[:, at:at + keep]
    if rng.random() < 0.6:
        speed = rng.uniform(0.82, 1.2)
        at = np.arange(int(len(samples) / speed)) * speed
        samples = np.interp(at, np.arange(len(samples)), samples).astype(np.float32)
        steps = np.minimum((np.arange(len(samples) // HOP) * speed).astype(int), active.shape[1] - 1)
        active = active[:, steps]
    if rng.random() < 0.5:
        spectrum = np.fft.rfft(samples, -(-len(samples) // 4096) * 4096)  # lengths of small factors transform fast
        octaves = np.log2(np.arange(1, len(spectrum) + 1) / len(spectrum))
        curve = np.interp(octaves, np.linspace(-9, 0, 7), rng.uniform(-9, 9, 7))
        samples = np.fft.irfft(spectrum * 10 ** (curve / 20))[: len(samples)].astype(np.float32)
    return samples, active


def targets(activity, first, columns, silence=None):
    """Labels [B,K] of a span of columns: 1 where a sound is heard in it; silence only when nothing else fills it."""
    span = activity[:, first * FRAMES_PER_COLUMN:(first + columns) * FRAMES_PER_COLUMN]
    present = (span.sum(1) >= ENOUGH).float()
    if silence is not None:
        present[:, silence] = (span[:, :, silence].mean(1) > 0.95).float()
    return present


def masked(rng, x, bins=24, frames=64):
    """One band of mel bins and one run of frames of each log-mel [B,T,128] become the data's mean."""
    x = x.clone()
    for one in x:
        f, t = rng.integers(0, bins), rng.integers(0, min(frames, one.shape[0] // 5))
        at, when = rng.integers(0, one.shape[1] - f), rng.integers(0, one.shape[0] - t)
        one[:, at:at + f] = 0
        one[when:when + t] = 0
    return x
