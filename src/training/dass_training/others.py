"""Sounds that recordings become when they are turned far: only a teacher can name them."""
import numpy as np

from .recordings import RATE

LONGEST = 4 * RATE  # samples of a sound


def become(rng, wave, other):
    """wave, other: float32 at 32 kHz, of any length and level -> another sound, LONGEST at most."""
    wave = wave[: 2 * LONGEST].astype(np.float64)
    for turn in rng.choice(len(TURNS), rng.integers(1, 4), replace=False, p=SHARES):
        wave = TURNS[turn](rng, wave, other)
    return wave[:LONGEST].astype(np.float32)


def _paced(rng, wave, _):
    """Up to 2.8 times as fast or slow; a third of them glide or waver, as sirens, engines and voices do."""
    speed, kind = 2 ** rng.uniform(-1.5, 1.5), rng.random()
    n = max(1, min(int(len(wave) / speed), LONGEST))
    octaves = np.zeros(n)
    if kind < 0.15:
        octaves = np.linspace(-1, 1, n) * rng.uniform(-1, 1)
    elif kind < 0.35:
        octaves = rng.uniform(0.1, 0.8) * np.sin(2 * np.pi * 10 ** rng.uniform(-0.5, 1) * np.arange(n) / RATE + rng.uniform(0, 6))
    at = np.cumsum(speed * 2**octaves)
    at -= at[0]
    return np.interp(at[at < len(wave)], np.arange(len(wave)), wave)


def filtered(rng, wave, most):
    """By a curve over nine octaves, up to `most` dB."""
    spectrum = np.fft.rfft(wave, -(-len(wave) // 4096) * 4096)
    octaves = np.log2(np.arange(1, len(spectrum) + 1) / len(spectrum))
    curve = np.interp(octaves, np.linspace(-9, 0, 7), rng.uniform(-most, most, 7))
    return np.fft.irfft(spectrum * 10 ** (curve / 20))[: len(wave)]


def _filtered(rng, wave, _):
    return filtered(rng, wave, 18)


def _backwards(_, wave, __):
    return wave[::-1]


def _trembling(rng, wave, _):
    """A tremolo, a rattle or a bell, by its frequency."""
    return wave * (1 + np.cos(2 * np.pi * 10 ** rng.uniform(0.3, 3.3) / RATE * np.arange(len(wave))))


def _again_and_again(rng, wave, _):
    """A piece of 30 to 500 ms at 2 to 25 beats a second: steps, knocks, motors, laughter, gunfire."""
    length, beat = int(RATE * 10 ** rng.uniform(-1.5, -0.3)), RATE / 10 ** rng.uniform(0.3, 1.4)
    at = rng.integers(0, max(1, len(wave) - length))
    piece = wave[at:at + length]
    piece = piece * np.exp(-np.linspace(0, rng.uniform(0, 6), len(piece)))
    made, when, falls = np.zeros(LONGEST), 0.0, rng.uniform(0, 0.1) * (rng.random() < 0.5)
    while when < LONGEST - 1:
        part = piece[: LONGEST - int(when)]
        made[int(when):int(when) + len(part)] += part * np.exp(-falls * when / beat)
        when += beat * rng.uniform(0.85, 1.15)
    return made


def _shaped(_, wave, other):
    """With the loudness over time of another sound."""
    step = RATE // 100
    pieces = np.resize(other, max(2, len(other) // step) * step).reshape(-1, step).astype(np.float64)
    level = np.sqrt((pieces**2).mean(1))
    wave = np.resize(wave, min(LONGEST, len(level) * step))
    return wave * np.interp(np.arange(len(wave)) / step, np.arange(len(level)), level / (level.max() + 1e-9))


def _through(_, wave, other):
    """Through another sound, as through a room or a body."""
    wave, other = wave[:LONGEST], other[: RATE // 2]
    size = -(-(len(wave) + len(other)) // 4096) * 4096
    return np.fft.irfft(np.fft.rfft(wave, size) * np.fft.rfft(other, size))[: len(wave)]


def _overdriven(rng, wave, _):
    return np.tanh(wave / (np.abs(wave).mean() + 1e-9) * rng.uniform(0.3, 3))


def _joined(rng, wave, other):
    """Two that begin together, as a blow and what it sets off."""
    n = min(len(wave), len(other))
    level = np.sqrt((wave**2).mean() / ((other.astype(np.float64) ** 2).mean() + 1e-9)) * 10 ** rng.uniform(-0.7, 0.3)
    return wave + np.pad(other[:n], (0, len(wave) - n)) * level


def _breathed(rng, wave, _):
    """Noise of the same spectrum from moment to moment: breath, wind, spray."""
    n = 1024
    pad = np.pad(wave, (n, 2 * n))
    window, made = np.hanning(n), np.zeros(len(pad))
    for at in range(0, len(pad) - n, n // 2):
        spectrum = np.abs(np.fft.rfft(pad[at:at + n] * window))
        made[at:at + n] += np.fft.irfft(spectrum * np.exp(2j * np.pi * rng.random(len(spectrum)))) * window
    return made[n:n + len(wave)]


TURNS = _paced, _filtered, _backwards, _trembling, _again_and_again, _shaped, _through, _overdriven, _joined, _breathed
SHARES = 0.25, 0.2, 0.05, 0.08, 0.12, 0.08, 0.06, 0.04, 0.08, 0.04
