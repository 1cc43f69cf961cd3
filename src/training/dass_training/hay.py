"""Long tracks: what a model says there beside what the teacher hears is a false alarm. One set calibrates, the other reports."""
import numpy as np

from . import features, lessons, recordings
from .recordings import AGREE, DEBIAN, HAY, LEARN, SHARE_ALIKE, VOICE
from .sounds import RATE, coloured_noise

# Kinds, and what they surely are, whatever the teacher hears: that is no false alarm.
SURE = {"babble": {"Speech"}, "music": {"Music"}, "telephone speech": {"Speech"}, "street-like noise": set(), "rain": {"Rain", "Rain on surface", "Raindrop"},
        "silence": {"Silence"}}
KINDS = tuple(SURE)
EDGE = RATE // 50   # 20 ms in which a recording comes and goes: a cut is a click


def _level(wave, db):
    return wave * np.float32(features.decibels(db) / (np.sqrt(np.mean(wave**2)) + 1e-9))


def _chain(rng, found, samples):
    """Recordings one after another, each at its own level, until there is enough."""
    parts, length = [], 0
    while length < samples:
        wave = found[rng.integers(len(found))].wave
        wave = lessons.halved(wave[: len(wave) // 4 * 4].astype(np.float32) / 32768).astype(np.float32)
        wave = _level(wave, -23)
        edge = np.minimum(1, np.arange(1, len(wave) + 1, dtype=np.float32) / EDGE)
        parts.append(wave * edge * edge[::-1])
        length += len(wave)
    return np.concatenate(parts)[:samples]


def _babble(rng, voices, samples, count):
    return sum(np.roll(_chain(rng, voices, samples), rng.integers(samples)) for _ in range(count))


def _telephone(wave):
    spectrum, hz = np.fft.rfft(wave), np.fft.rfftfreq(len(wave), 1 / RATE)
    return np.fft.irfft(spectrum / np.sqrt((1 + (300 / np.maximum(hz, 1)) ** 8) * (1 + (hz / 3400) ** 24)), len(wave)).astype(np.float32)


def _street(rng, samples):
    """Brownish noise whose loudness and colour come and go, as cars do."""
    wave = coloured_noise(rng, samples, 2) * 0.7
    for _ in range(max(1, samples // (6 * RATE))):
        length, centre = int(rng.uniform(3, 9) * RATE), rng.integers(samples)
        first, last = max(0, centre - length // 2), min(samples, centre + length // 2)
        swell = np.hanning(last - first) * rng.uniform(0.3, 2)
        wave[first:last] += swell * coloured_noise(rng, last - first, rng.uniform(0.8, 1.6))
    return wave.astype(np.float32)


def track(kind, report, found, minutes, seed):
    """float32 at 16 kHz. `found`: recordings; `report` takes those that were not learnt."""
    rng, samples = np.random.default_rng((seed, KINDS.index(kind), report)), int(minutes * 60 * RATE)
    if report:
        wanted = (((HAY,), ("speech",)), ((HAY, AGREE), ("music", "judged-music")), ((AGREE,), SHARE_ALIKE))
    else:
        wanted = (((LEARN, VOICE), ("speech", "made-speech", "spoken")), ((LEARN, VOICE), ("music", "made-music", *DEBIAN)),
                  ((LEARN,), {r.source for r in found}))
    voices, players, rainy = ([r for r in found if r.use in uses and r.source in sources] for uses, sources in wanted)
    rainy = [r for r in rainy if r.labels == ["Rain"] and len(r.wave) > 4 * recordings.RATE]
    if kind == "babble" and report:
        wave = _babble(rng, voices, samples, 8)
    elif kind == "babble":  # a table, a room, a crowd
        third = samples // 3
        table, room = _babble(rng, voices, third, 8), _babble(rng, voices, third, 24)
        crowd = sum(np.roll(room, rng.integers(third)) for _ in range(4))
        wave = np.concatenate([_level(part, -26) for part in (table, room, crowd)])
    elif kind == "music":
        wave = _chain(rng, players, samples)
    elif kind == "telephone speech":
        wave = _telephone(_chain(rng, voices, samples))
    elif kind == "street-like noise":
        wave = _street(rng, samples)
    elif kind == "rain":
        wave = _chain(rng, rainy, samples)
    else:  # a quarter each: digital silence, and noise at -90, -75 and -60 dB
        wave = coloured_noise(rng, samples, 1).astype(np.float32) * 1e-3
        wave *= np.repeat(np.array([0, 0.03, 0.18, 1], np.float32), -(-samples // 4))[:samples]
        return (np.round(wave * 32767) / 32768).astype(np.float32)
    return _level(wave, -26).clip(-1, 1)
