"""What rooms, telephones and cheap microphones do to a scene. The student hears it, the teacher does not: it learns to hear through it."""
import numpy as np

from . import features
from .sounds import RATE


def degrade(rng, wave):
    """wave float32 at 16 kHz -> the same length, 16 bits deep."""
    if rng.random() < 0.4:
        wave = _filtered(rng, wave)
    if rng.random() < 0.25:
        level = np.sqrt(np.mean(wave**2)) + 1e-6
        wave = wave + _noise(rng, len(wave)) * np.float32(level * features.decibels(-rng.uniform(3, 40)))
    peak = np.abs(wave).max() + 1e-9
    if rng.random() < 0.06:
        wave = np.clip(wave, -peak * 0.25, peak * 0.25)  # an overloaded microphone
    level = rng.uniform(-60, 0) if rng.random() < 0.4 else rng.uniform(-30, 0)
    wave = wave * np.float32(features.decibels(level) / peak)
    return (np.round(wave * 32767) / 32768).astype(np.float32)


def _filtered(rng, wave):
    """A room, a band limit or a telephone line, in one turn through the spectrum."""
    size = -(-len(wave) // 4096) * 4096
    spectrum, hz = np.fft.rfft(wave, size), np.fft.rfftfreq(size, 1 / RATE)
    which = rng.choice(4, p=[0.35, 0.2, 0.2, 0.25])
    if which in (0, 3):  # a room: a direct sound, then noise that dies away
        reverberation = rng.uniform(0.1, 0.9)
        n = int(reverberation * RATE)
        tail = rng.standard_normal(n) * np.exp(-6.9 * np.arange(n) / n) * np.sqrt(6.9 / n)
        tail *= features.decibels(rng.uniform(-12, 3))
        tail[0] += 1
        spectrum = spectrum * np.fft.rfft(tail, size)
    if which == 1:  # 8 or 11 kHz sampling
        edge = rng.choice([3800, 4000, 5200, 5500])
        spectrum = spectrum / (1 + (hz / edge) ** 24)
    if which == 2:  # telephone
        spectrum = spectrum / np.sqrt((1 + (rng.uniform(200, 350) / np.maximum(hz, 1)) ** 8) * (1 + (hz / rng.uniform(3200, 3600)) ** 24))
    if which == 3:  # a tilt of the microphone
        octaves = np.log2(np.maximum(hz, 30) / 1000)
        spectrum = spectrum * features.decibels(np.clip(rng.uniform(-4, 4) * octaves, -20, 20))
    return np.fft.irfft(spectrum, size)[: len(wave)].astype(np.float32)


def _noise(rng, samples):
    """Coloured noise: a random piece of a minute's worth, made once for each exponent."""
    exponent = int(rng.integers(9))
    if exponent not in _made:
        own = np.random.default_rng(exponent)
        hz = np.maximum(np.fft.rfftfreq(1 << 20, 1 / RATE), 20)
        made = np.fft.irfft(np.fft.rfft(own.standard_normal(1 << 20)) * hz ** (-exponent / 8))
        _made[exponent] = (made / made.std()).astype(np.float32)
    at = rng.integers(0, (1 << 20) - samples)
    return _made[exponent][at:at + samples]


_made = {}
