"""Sounds that can be made honestly, each under its AudioSet label. Every maker takes a random generator and gives a wave of 1 to 8 s."""
import functools
import subprocess

import numpy as np

RATE = 16_000

SENTENCES = """The first train leaves the station at seven in the morning.|Please close the window before you go, it is getting cold.
I have never seen so many birds on that lake.|Could you tell me where the library is?|We painted the old fence last summer.
He said that the answer was somewhere in the third book.|Nobody expected the rain to last this long.|Turn left at the bridge and then keep going.
My sister plays the violin better than anyone I know.|There are four apples and one pear in the basket.|The meeting has been moved to Thursday afternoon.
What would you like to drink with your dinner?|A small boat was lying upside down on the sand.|Thank you very much for calling us back.
It takes about twenty minutes to walk to the market.|They found the keys under a pile of newspapers.|Do not forget to feed the cat tonight.
The engine makes a strange noise when it is cold.|Yesterday we watched a film about the moon.|Every child in the village knows this song.""".replace("\n", "|").split("|")
VOICES = [f"{language}+{variant}" for language in ("en-us", "en-gb", "en-gb-scotland", "de", "fr", "es", "it")
          for variant in ("m1", "m3", "m5", "m7", "f1", "f2", "f3", "f4")]


@functools.cache
def _languages():
    listed = subprocess.run(["espeak-ng", "--voices"], capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    return [code for code in (line.split()[1] for line in listed) if code.islower()]  # the others are no voices by themselves


def _log_uniform(rng, low, high):
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _times(seconds):
    return np.arange(int(seconds * RATE)) / RATE


def _fade(wave, seconds=0.01):
    n = min(int(seconds * RATE), len(wave) // 2)
    if n:
        ramp = np.linspace(0, 1, n)
        wave[:n] *= ramp
        wave[-n:] *= ramp[::-1]
    return wave


def _sweep(hz):
    """A tone whose frequency follows hz[t]."""
    return np.sin(2 * np.pi * np.cumsum(hz) / RATE)


def coloured_noise(rng, samples, exponent):
    """Noise whose power falls as frequency^-exponent."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    hz = np.maximum(np.fft.rfftfreq(samples, 1 / RATE), 20)
    wave = np.fft.irfft(spectrum * hz ** (-exponent / 2), samples)
    return wave / np.sqrt(np.mean(wave**2))


def sine_wave(rng):
    return _fade(np.sin(2 * np.pi * _log_uniform(rng, 80, 6000) * _times(rng.uniform(1, 6))))


def white_noise(rng):
    return _fade(coloured_noise(rng, int(rng.uniform(1.5, 7) * RATE), 0))


def pink_noise(rng):
    return _fade(coloured_noise(rng, int(rng.uniform(1.5, 7) * RATE), 1))


def beeps(rng):
    hz, on, off = _log_uniform(rng, 450, 3800), rng.uniform(0.06, 0.45), rng.uniform(0.06, 0.6)
    overtone = rng.uniform(0, 0.6)
    t = _times(on)
    beep = _fade(np.sin(2 * np.pi * hz * t) + overtone * np.sin(2 * np.pi * 2 * hz * t) * (hz < 3500), 0.004)
    return np.concatenate([beep, np.zeros(int(off * RATE))] * int(rng.integers(2, 9)))[: 6 * RATE]


def dial_tone(rng):
    low, high = [(350, 440), (350, 450), (400, 450), (330, 440)][rng.integers(4)]
    t = _times(rng.uniform(2, 7))
    return _fade(np.sin(2 * np.pi * low * t) + rng.uniform(0.7, 1.2) * np.sin(2 * np.pi * high * t))


def siren(rng):
    t = _times(rng.uniform(3, 8))
    low, high = rng.uniform(450, 800), rng.uniform(1000, 1700)
    kind = rng.integers(3)
    phase = t / (rng.uniform(2, 6) if kind == 0 else rng.uniform(0.25, 0.5) if kind == 1 else rng.uniform(0.8, 1.6)) % 1
    if kind == 2:  # two tones
        hz = np.where(phase < 0.5, low, low * rng.uniform(1.2, 1.4))
    else:  # wail or yelp
        hz = low + (high - low) * (1 - np.abs(2 * phase - 1))
    wave = sum(rng.uniform(0.1, 1) / n * _sweep(n * hz) for n in range(1, 5))
    return _fade(wave, 0.1)


def chirp_tone(rng):
    parts = []
    for _ in range(rng.integers(1, 5)):
        low, high, seconds = _log_uniform(rng, 200, 1500), _log_uniform(rng, 2000, 7000), rng.uniform(0.15, 1.6)
        if rng.random() < 0.3:
            low, high = high, low
        x = np.linspace(0, 1, int(seconds * RATE))
        hz = low * (high / low) ** x if rng.random() < 0.5 else low + (high - low) * x
        parts += [_fade(_sweep(hz)), np.zeros(int(rng.uniform(0.05, 0.5) * RATE))]
    return np.concatenate(parts)


def clicking(rng):
    wave = np.zeros(int(rng.uniform(1.5, 5) * RATE))
    at, rate = 0.0, rng.uniform(2.5, 12)
    hz, decay = _log_uniform(rng, 900, 6000), rng.uniform(0.0008, 0.006)
    t = _times(8 * decay)
    while at < len(wave) - len(t):
        tap = rng.standard_normal(len(t)) * rng.uniform(0.2, 1) + np.sin(2 * np.pi * hz * rng.uniform(0.95, 1.05) * t)
        wave[int(at):int(at) + len(t)] += rng.uniform(0.4, 1) * np.exp(-t / decay) * tap
        at += RATE * rng.exponential(1 / rate) + 0.03 * RATE
    return wave


def mains_hum(rng):
    t, base = _times(rng.uniform(2, 8)), rng.choice([50, 60])
    return _fade(sum(rng.uniform(0, 1) / (1 if n in (1, 2) else n) * np.sin(2 * np.pi * (n * base * t + rng.random())) for n in range(1, 12)))


def speech(rng, voices=VOICES):
    command = ["espeak-ng", "-v", str(rng.choice(voices)), "-s", str(rng.integers(120, 210)), "-p", str(rng.integers(20, 80)),
               "--stdout", " ".join(rng.choice(SENTENCES, 2, replace=False))]
    data = subprocess.run(command, capture_output=True, check=True).stdout
    wave = np.frombuffer(data[44:], np.int16).astype(np.float64) / 32768  # 22,050 Hz
    at = np.arange(int(len(wave) * RATE / 22_050)) * 22_050 / RATE
    return np.interp(at, np.arange(len(wave)), wave)[: 8 * RATE]


def any_language(rng):
    """A voice of any language that espeak-ng has; it reads the sentences by its own rules."""
    return speech(rng, [f"{language}+{variant}" for language in _languages() for variant in ("m1", "m3", "m7", "f1", "f2", "f4")])


def telephone_keys(rng):
    """Two tones a key, as telephones dial."""
    low, high = [697, 770, 852, 941], [1209, 1336, 1477]
    on, off = rng.uniform(0.06, 0.25), rng.uniform(0.05, 0.3)
    t, parts = _times(on), []
    for _ in range(rng.integers(3, 12)):
        a, b = rng.choice(low), rng.choice(high)
        parts += [_fade(np.sin(2 * np.pi * a * t) + np.sin(2 * np.pi * b * t), 0.003), np.zeros(int(off * RATE))]
    return np.concatenate(parts)


def busy_signal(rng):
    low, high = [(480, 620), (425, 425), (400, 400)][rng.integers(3)]
    t, gap = _times(rng.choice([0.25, 0.375, 0.5])), rng.choice([0.25, 0.375, 0.5])
    return np.concatenate([_fade(np.sin(2 * np.pi * low * t) + np.sin(2 * np.pi * high * t)), np.zeros(int(gap * RATE))] * int(rng.integers(4, 9)))


def bell_ringing(rng):
    """A mechanical telephone bell: two gongs struck by turns."""
    a, b = rng.uniform(1200, 2200), rng.uniform(1.1, 1.3)
    strikes, on = rng.uniform(18, 28), rng.uniform(1, 2.2)
    t = _times(on)
    wave = np.zeros(len(t))
    for i in range(int(on * strikes)):
        at = int(i / strikes * RATE)
        hz, rest = a * (b if i % 2 else 1), t[: len(t) - at]
        wave[at:] += np.exp(-rest * 9) * (np.sin(2 * np.pi * hz * rest) + 0.6 * np.sin(2 * np.pi * 2.76 * hz * rest * (hz < 2700)))
    return np.concatenate([_fade(wave), np.zeros(int(rng.uniform(0.4, 2) * RATE))] * 2)


def babble(rng):
    """Six to ten voices at once."""
    wave = np.zeros(6 * RATE)
    for _ in range(rng.integers(6, 11)):
        voice = speech(rng)
        voice = np.roll(np.resize(voice, len(wave)), rng.integers(len(wave)))
        wave += rng.uniform(0.4, 1) * voice / np.sqrt(np.mean(voice**2) + 1e-9)
    return _fade(wave, 0.05)


MAKERS = {
    "Sine wave": sine_wave, "White noise": white_noise, "Pink noise": pink_noise, "Beep, bleep": beeps, "Dial tone": dial_tone,
    "Siren": siren, "Chirp tone": chirp_tone, "Clicking": clicking, "Mains hum": mains_hum, "Speech": speech,
    "Hubbub, speech noise, speech babble": babble, "Telephone dialing, DTMF": telephone_keys, "Busy signal": busy_signal,
    "Telephone bell ringing": bell_ringing,
}
SILENCE = "Silence"
