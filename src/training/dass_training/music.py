"""Music made with FluidSynth from a General MIDI sound font: single instruments, drums and small bands."""
import struct
import subprocess
import tempfile
from pathlib import Path

import numpy as np

LEARNT_FONT = "/usr/share/sounds/sf2/FluidR3_GM.sf2"  # MIT, package fluid-soundfont-gm; MuseScore's font has many of its samples
JUDGED_FONT = "/usr/share/sounds/sf2/TimGM6mb.sf2"    # GPL, package timgm6mb-soundfont: other samples, never learnt
MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
TICKS = 240  # per beat
LOW = {32, 33, 34, 35, 36, 37, 38, 39, 42, 43, 57, 58, 67, 70}  # programs that play an octave or two below the others
DRUMS = 9
BANDS = [(0, 32, 65), (24, 33, 73), (29, 33, 30), (48, 60, 43), (4, 35, 66), (80, 38, 90), (105, 25, 110), (52, 19, 48), (11, 32, 56), (26, 32, 61),
         (40, 42, 6), (88, 39, 81), (21, 25, 22), (45, 71, 68), (114, 25, 34)]


def _variable(n):
    out = [n & 127]
    while n := n >> 7:
        out.insert(0, n & 127 | 128)
    return bytes(out)


def midi(events, beats_per_minute):
    """events: (tick, bytes) in any order."""
    track, before = b"\0\xff\x51\x03" + int(60e6 / beats_per_minute).to_bytes(3, "big"), 0
    for tick, message in sorted(events):
        track, before = track + _variable(tick - before) + message, tick
    track += b"\0\xff\x2f\0"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, TICKS) + b"MTrk" + struct.pack(">I", len(track)) + track


def _part(rng, channel, program, beats, chords, scale, key, kind):
    """A line, chords or a bass, one bar of four beats after another."""
    events = [(0, bytes([0xC0 | channel, program]))]
    octave = 36 if program in LOW else 60

    def note(at, length, pitch, loud):
        pitch = int(np.clip(pitch, 21, 108))
        events.extend([(int(at * TICKS), bytes([0x90 | channel, pitch, int(loud)])), (int((at + length) * TICKS), bytes([0x80 | channel, pitch, 0]))])

    at, step, loud = 0.0, int(rng.integers(7)), rng.integers(60, 120)
    while at < beats:
        chord = chords[int(at // 4) % len(chords)]
        length = float(rng.choice([0.25, 0.5, 0.5, 1, 1, 2, 4] if kind == "line" else [1, 2, 4] if kind == "chords" else [0.5, 1, 1]))
        if rng.random() > 0.12:
            if kind == "chords":
                for third in (0, 2, 4):
                    degree = chord + third
                    note(at, length * 0.95, octave + key + scale[degree % 7] + 12 * (degree // 7), loud)
            else:
                step = step + int(rng.integers(-2, 3)) if kind == "line" else chord + int(rng.choice([0, 0, 4]))
                step = int(np.clip(step, -5, 12))
                note(at, length * rng.uniform(0.5, 1), octave + key + scale[step % 7] + 12 * (step // 7), loud)
        at += length
    return events


def _beat(rng, beats):
    kick, snare, hat = int(rng.choice([35, 36])), int(rng.choice([37, 38, 39, 40])), int(rng.choice([42, 44, 46, 51, 54, 70]))
    pattern, events = rng.random((3, 8)) < np.array([[.4], [.2], [.8]]), []
    pattern[0, 0] = pattern[1, 2] = pattern[1, 6] = True
    for half in range(int(beats * 2)):
        for row, drum in enumerate((kick, snare, hat)):
            if pattern[row, half % 8]:
                tick, fill = half * TICKS // 2, drum if rng.random() > 0.04 else int(rng.integers(35, 82))
                events += [(tick, bytes([0x99, fill, int(rng.integers(70, 120))])), (tick + 60, bytes([0x89, fill, 0]))]
    return events


def _score(rng, number, seconds):
    """Number 0 to 127: that program alone; 128 to 143: drums; then bands."""
    tempo, key = float(rng.uniform(60, 170)), int(rng.integers(-6, 6))
    beats, scale = seconds * tempo / 60, MAJOR if rng.random() < 0.6 else MINOR
    chords = [0, *rng.choice([3, 4, 5, 1, 2, 0], 3)]
    if number < 128:
        return midi(_part(rng, 0, number, beats, chords, scale, key, str(rng.choice(["line", "line", "chords"]))), tempo)
    if number < 144:
        if number % 2:  # one drum or cymbal alone
            drum, events = int(rng.integers(35, 82)), []
            for at in np.cumsum(rng.choice([0.5, 1, 2], int(beats))):
                events += [(int(at * TICKS), bytes([0x99, drum, int(rng.integers(60, 120))])), (int(at * TICKS) + 60, bytes([0x89, drum, 0]))]
            return midi(events, tempo)
        return midi(_beat(rng, beats), tempo)
    band = BANDS[rng.integers(len(BANDS))] if rng.random() < 0.6 else rng.integers(0, 112, 3)
    events = [e for i, kind in enumerate(("line", "bass", "chords")) for e in _part(rng, i, int(band[i]), beats, chords, scale, key, kind)]
    return midi(events + (_beat(rng, beats) if rng.random() < 0.7 else []), tempo)


def render(rng, number, font, rate, seconds=9.0):
    """One piece, mono int16."""
    with tempfile.TemporaryDirectory() as folder:
        score, sound = Path(folder, "score.mid"), Path(folder, "sound.raw")
        score.write_bytes(_score(rng, number, seconds))
        command = ["fluidsynth", "-q", "-i", "-n", "-a", "file", "-O", "s16", "-T", "raw", "-r", str(rate), "-g", "0.8", "-F", str(sound)]
        subprocess.run([*command, font, str(score)], capture_output=True, check=True)
        wave = np.fromfile(sound, "<i2").reshape(-1, 2).astype(np.int32).sum(1) // 2
    return wave[: int(1.3 * seconds * rate)].astype(np.int16)
