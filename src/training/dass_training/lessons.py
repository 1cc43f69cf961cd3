"""Scenes of 10.24 s, functions of seed and number, and what the teacher hears in them: in the whole, and in each 0.96 s with its surroundings."""
import os
from pathlib import Path

import numpy as np
import torch

from . import features, others
from .efficient_at import LABELS
from .recordings import RATE

FRAMES = 1024
SAMPLES = features.samples_of(FRAMES)      # 16 kHz, of the student
LENGTH = 2 * SAMPLES                       # 32 kHz, of the teacher
SPANS, SPAN = 10, 30_720                   # 0.96 s at 32 kHz
AROUND = 20_480                            # 0.64 s on either side of a span: the teacher hears badly below 2 s
RARER = {"berklee": 0.2, "made-music": 0.5, "sonic-pi": 0.6, "made": 0.6}  # else much would be music, tones and noises
MADE_BEDS = "White noise", "Pink noise", "Mains hum", "Hubbub, speech noise, speech babble"
OTHERS, OTHERS_EACH = 0.6, 40              # share of the sounds, and how many are kept of each label at most
OTHERS_FROM = -2.2                         # logit of a label for which one is kept, 0.1
OTHERS_SEED = 11
PART = 1000                                # others of a file
SHARD = 100                                # scenes of a file
BEDS = ("blanket", "soundscapes", "quietsleep", "wbot", "ambient-engine", "music", "made-music", "speech", "speech-commands-noise")


class Mixer:
    """Draws scenes from recordings. What is rare to the teacher is drawn more often."""

    def __init__(self, found, heard, names, made):
        """heard: the teacher's logits of each recording, [N,527]; names: AudioSet's labels in order; made: more beds."""
        self.found, self.names = found, names
        likely = 1 / (1 + np.exp(-heard)) > 0.25
        common = likely.sum(0)
        weights = np.array([1 / np.sqrt(min([common[k] for k in np.flatnonzero(row)], default=200)) for row in likely])
        weights *= np.array([RARER.get(r.source, 1.0) for r in found])
        self.chances = weights / weights.sum()
        self.beds = [r for r in found if r.source in BEDS] + [r for r in made if r.labels[0] in MADE_BEDS]
        self.others = None

    def take(self, rng):
        """A recording and samples of it."""
        recording = self.found[rng.choice(len(self.found), p=self.chances)]
        wave = recording.wave
        if len(wave) > LENGTH:
            at = rng.integers(0, len(wave) - LENGTH)
            wave = wave[at:at + LENGTH]
        return recording, _trimmed(wave.astype(np.float32))

    def other(self, number):
        """A sound that is no recording any more, at RMS 1 where it is heard: a function of its number."""
        rng = np.random.default_rng((OTHERS_SEED, number))
        wave = others.become(rng, self.take(rng)[1], self.take(rng)[1])
        return wave / _loudness(wave)

    def keep(self, heard):
        """Of the others, whose logits are [N,527], those in which a label is heard best: they are drawn from now on, the oftener the rarer their label."""
        weights = np.zeros(len(heard))
        for column in heard.T:
            best = np.argsort(-column)[:OTHERS_EACH]
            best = best[column[best] > OTHERS_FROM]
            weights[best] = np.maximum(weights[best], 1 / np.sqrt(max(1, len(best))))
        self.others = np.flatnonzero(weights), weights[weights > 0] / weights.sum()

    def sound(self, rng):
        """Samples, varied, at RMS 1 where they are heard, with the sure labels."""
        if self.others and rng.random() < OTHERS:
            return self.other(rng.choice(self.others[0], p=self.others[1])), []
        recording, wave = self.take(rng)
        wave = _varied(rng, wave)
        return wave / _loudness(wave), [self.names.index(label) for label in recording.labels] if recording.sure else []

    def scene(self, rng):
        """Samples [LENGTH] float32 at 32 kHz of full scale 1, and (label, first, last) in samples for what is surely heard."""
        wave, marks, kind = np.zeros(LENGTH, np.float32), [], rng.random()
        if kind < 0.45:
            self._add(rng, wave, marks, 0.0)
        elif kind < 0.92:
            for i in range(rng.choice([1, 2, 3, 4], p=[0.2, 0.45, 0.25, 0.1])):
                self._add(rng, wave, marks, -rng.uniform(0, 12) * (i > 0))
        if kind > 0.72:
            bed = self.beds[rng.integers(len(self.beds))].wave.astype(np.float32)
            at = rng.integers(len(bed))
            bed = np.resize(np.roll(bed, -at), LENGTH)
            wave += bed / _loudness(bed) * features.decibels(-rng.uniform(-5, 30) if kind < 0.92 else 0.0)
        noise = rng.uniform(30, 80) if rng.random() < 0.6 else None
        if noise:
            wave += rng.standard_normal(LENGTH).astype(np.float32) * features.decibels(-noise)
        wave *= 0.1
        return wave * min(1.0, 0.99 / (np.abs(wave).max() + 1e-9)), marks

    def _add(self, rng, wave, marks, level_db):
        sound, labels = self.sound(rng)
        times = int(rng.integers(2, 6)) if len(sound) < 1.5 * RATE and rng.random() < 0.5 else 1
        gap = int(rng.uniform(0, 1.5) * RATE)
        at = int(rng.integers(0, max(1, LENGTH - times * (len(sound) + gap))))
        for _ in range(times):
            if at > LENGTH - RATE // 20:
                break
            piece = sound[: LENGTH - at]
            wave[at:at + len(piece)] += piece * features.decibels(level_db)
            marks += [(label, at, at + len(piece)) for label in labels]
            at += len(sound) + gap


def _loudness(wave):
    """RMS of the louder half of 50 ms pieces."""
    pieces = wave[: len(wave) // 1600 * 1600].reshape(-1, 1600) if len(wave) >= 1600 else wave[None]
    power = np.sort((pieces.astype(np.float64) ** 2).mean(1))
    return np.float32(np.sqrt(power[len(power) // 2:].mean()) + 1e-6)


def _trimmed(wave):
    """Without near silence at the edges."""
    loud = np.flatnonzero(np.abs(wave) > max(6.0, np.abs(wave).max() * 0.003))
    return wave[loud[0]:loud[-1] + 1] if len(loud) else wave[:RATE]


def _varied(rng, wave):
    """A little faster or slower, and of another colour: it is still what it was."""
    if rng.random() < 0.5:
        speed = rng.uniform(0.85, 1.18)
        at = np.arange(min(int(len(wave) / speed), LENGTH)) * speed
        wave = np.interp(at, np.arange(len(wave)), wave).astype(np.float32)
    if rng.random() < 0.4:
        wave = others.filtered(rng, wave, 7).astype(np.float32)
    return wave


def halved(wave):
    """32 to 16 kHz by the spectrum's lower half."""
    spectrum = np.fft.rfft(wave)
    return np.fft.irfft(spectrum[: len(wave) // 4 + 1], len(wave) // 2) / 2


def doubled(wave):
    """16 to 32 kHz; the upper half stays empty."""
    spectrum = np.fft.rfft(wave)
    return (np.fft.irfft(spectrum, 2 * len(wave)) * 2).astype(np.float32)


def lesson(teacher, wave, marks):
    """The teacher's logits of the whole [527] and of each span [SPANS,527], and what is surely heard in them, [1+SPANS,527]."""
    padded = np.pad(wave, (AROUND, AROUND))
    parts = np.stack([padded[i * SPAN:(i + 1) * SPAN + 2 * AROUND] for i in range(SPANS)])
    logits = torch.cat([teacher(torch.from_numpy(wave)[None]), teacher(torch.from_numpy(parts))])
    sure = np.zeros((1 + SPANS, LABELS), bool)
    for label, first, last in marks:
        sure[0, label] = True
        for i in range(SPANS):
            if min(last, (i + 1) * SPAN) - max(first, i * SPAN) > RATE // 10:
                sure[1 + i, label] = True
    return logits.numpy().astype(np.float16), sure


def hear(teacher, found):
    """The teacher's logits of each recording, the mean over pieces of 10 s at most."""
    rows = []
    for recording in found:
        wave = torch.from_numpy(recording.wave.astype(np.float32) / 32768)
        pieces = [piece for piece in wave.split(10 * RATE) if len(piece) > 5 * RATE or len(wave) <= 10 * RATE]
        pieces = [torch.nn.functional.pad(piece, (0, max(0, 2 * RATE - len(piece)))) for piece in pieces]
        rows.append(torch.cat([teacher(piece[None]) for piece in pieces]).mean(0))
    return torch.stack(rows).numpy()


def hear_others(mixer, teacher, folder, parts):
    """The teacher's logits of PART of the others in each file, [PART,527] float16. What is there stays."""
    for part in parts:
        path = Path(folder, f"{part:05}.npy")
        if path.exists():
            continue
        rows = np.empty((PART, LABELS), np.float16)
        for i in range(PART):
            wave = mixer.other(part * PART + i) * 0.1
            wave *= min(1.0, 0.99 / (np.abs(wave).max() + 1e-9))
            rows[i] = teacher(torch.from_numpy(np.pad(wave, (AROUND // 2, max(AROUND // 2, 3 * RATE - len(wave)))))[None])[0]
        with open(str(path) + ".part", "wb") as file:
            np.save(file, rows)
        os.replace(str(path) + ".part", path)
        print(f"{(part + 1) * PART} others", flush=True)


def write(mixer, teacher, folder, shards, seed):
    """Shards of SHARD scenes: waves int16 [SHARD,SAMPLES], logits float16 [SHARD,1+SPANS,527], sure packed bits. What is there stays."""
    for shard in shards:
        path = Path(folder, f"{shard:05}.npz")
        if path.exists():
            continue
        waves, logits, sure = [], [], []
        for i in range(SHARD):
            rng = np.random.default_rng((seed, shard * SHARD + i))
            wave, marks = mixer.scene(rng)
            waves.append(np.round(np.clip(halved(wave), -1, 1) * 32767).astype(np.int16))
            one, known = lesson(teacher, wave, marks)
            logits.append(one)
            sure.append(known)
        with open(str(path) + ".part", "wb") as file:
            np.savez(file, waves=np.stack(waves), logits=np.stack(logits), sure=np.packbits(np.stack(sure), axis=-1))
        os.replace(str(path) + ".part", path)
        print(f"shard {shard}", flush=True)
