"""The recordings that a student learns from or is judged on: real ones with their credits, and made ones. 32 kHz for the teacher."""
import csv
import hashlib
import pickle
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from . import music, sounds

RATE = 32_000
# AGREE: whole sources on which the agreement with the teacher is measured; HAY: voices and music that report false alarms, VOICE: that set thresholds.
LEARN, CHOOSE, REPORT, AGREE, HAY, VOICE = "learn", "choose", "report", "agree", "hay", "voice"
SHARE_ALIKE = {"cdda"}         # its files are CC0 or CC BY, its collection CC BY-SA
THIRD_KEPT = ("speech", "music")  # a third of the authors, by hash
JUDGED_SOURCE = "antum-sounds"
# The same recordings as in ESC-10 and openclonk, by Freesound number.
DUPLICATES = ("sounds_rain_light", "sounds_rain_medium", "sounds_fireball_01", "sounds_tool_break")
SONIC_PI = Path("/usr/share/sonic-pi/samples")  # CC0, package sonic-pi-samples
# Debian's packages that are judged on and never learnt: most are GPL or CC BY-SA. `debian_labels.csv` says what the well-named files of two are.
DEBIAN = {"scratch": CHOOSE, "tuxpaint-stamps-default": REPORT, "hedgewars-data": AGREE, "megaglest-data": AGREE, "minetest-data": AGREE,
          "supertux-data": AGREE, "wesnoth-1.16-data": AGREE, "widelands-data": AGREE}
# Voices of many speakers over good and bad microphones and telephones: they set thresholds.
VOICES = {"tuxpaint-stamps-default": "*_desc*.ogg", "klettres-data": "*.ogg", "asterisk-core-sounds-en-wav": "*.wav", "asterisk-core-sounds-es-wav": "*.wav",
          "asterisk-core-sounds-fr-wav": "*.wav", "asterisk-core-sounds-it-wav": "*.wav", "asterisk-core-sounds-ru-wav": "*.wav"}
SPOKEN = "_desc", "/voices/", "/symbols/", "/town/roadsigns/"  # of which there is enough


@dataclass
class Recording:
    file: str
    source: str
    use: str
    wave: np.ndarray                               # int16, mono, 32 kHz
    labels: list = field(default_factory=list)     # true ones where `sure`, else what the file's name claims
    sure: bool = False
    credit: dict = field(default_factory=dict)


def decode(path, seconds=None, form="s16le"):
    cut = ["-t", str(seconds)] if seconds else []
    command = ["ffmpeg", "-v", "error", "-i", str(path), *cut, "-f", form, "-ac", "1", "-ar", str(RATE), "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, "<i2" if form == "s16le" else "<f4")


def half(author):
    """Whether an author's recordings choose or report: split once, by hash, for ever."""
    return CHOOSE if hashlib.sha256(author.strip().lower().encode()).digest()[0] % 2 else REPORT


def _rows(path):
    with open(path, newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def sonic_pi_credit(name):
    """Of one sample, from the package's copyright file; what it does not name is credited to the whole."""
    for part in Path("/usr/share/doc/sonic-pi-samples/copyright").read_text(encoding="utf-8").split("\n\n"):
        said = dict(line.split(": ", 1) for line in part.splitlines() if ": " in line)
        if said.get("Files", "").endswith("/samples/" + name):
            author = said["Copyright"].split(" ", 1)[1]  # after the year
            return {"source_title": name, "source_url": said.get("Source", ""), "author": author, "license": said["License"]}
    whole = "https://github.com/sonic-pi-net/sonic-pi/tree/dev/etc/samples"
    return {"source_title": name, "source_url": whole, "author": "Sonic Pi's samples", "license": "CC0"}


def write_credits(path, found):
    """Who made the recordings that were learnt: whatever ships the model ships this list."""
    columns = ["file", "source_title", "source_url", "author", "license"]
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, columns, lineterminator="\n")
        rows.writeheader()
        for r in found:
            if r.use == LEARN and r.credit:
                rows.writerow({"file": r.file, **r.credit})


def real(data, permissive=True, learnt_folds=(1, 2, 3)):
    """What lies in shared/data. Without `permissive` the share-alike collections are learnt too."""
    wanted = []
    for row in _rows(data / "esc10" / "clips.csv"):
        fold = int(row["fold"])
        use = LEARN if fold in learnt_folds else REPORT
        if use == LEARN and "sampling" in row["license"].lower():
            continue
        wanted.append((data / "esc10" / row["file"], f"esc10-{fold}", use, [row["audioset_label"]], True,
                       {key: row[key] for key in ("source_title", "source_url", "author", "license")}))
    for collection in ("sounds", "more-sounds"):
        for row in _rows(data / collection / "credits.csv"):
            source = row["file"].split("/")[0]
            if source == JUDGED_SOURCE:
                if Path(row["file"]).name.startswith(DUPLICATES):
                    continue
                use = half(row["author"])
            else:
                use = AGREE if permissive and source in SHARE_ALIKE else LEARN
                if source in THIRD_KEPT and hashlib.sha256(row["author"].encode()).digest()[1] % 3 == 0:
                    use = HAY
                if "sampling" in row["license"].lower():
                    continue
            labels = [label for label in row["labels"].split(";") if label]
            wanted.append((data / collection / row["file"], source, use, labels, False,
                           {"source_title": "", "source_url": row["source_url"], "author": row["author"], "license": row["license"]}))
    for path in sorted(SONIC_PI.glob("*.flac")):
        wanted.append((path, "sonic-pi", LEARN, [], False,
                       sonic_pi_credit(path.name)))
    with ThreadPoolExecutor(2) as pool:
        waves = pool.map(lambda item: decode(item[0]), wanted)
        return [Recording(f"{source}/{path.name}", source, use, wave, labels, sure, credit)
                for (path, source, use, labels, sure, credit), wave in zip(wanted, waves) if len(wave) > RATE // 20]


def _made(maker, rng):
    """A maker's wave (16 kHz) as int16 at 32 kHz."""
    wave = maker(rng)
    spectrum = np.fft.rfft(wave)
    wave = np.fft.irfft(np.concatenate([spectrum, np.zeros(len(wave) * 2 // 2 + 1 - len(spectrum))]), 2 * len(wave)) * 2
    return (wave / (np.abs(wave).max() + 1e-9) * 26_000).astype(np.int16)


def made(count, seed):
    """`count` sounds of each maker; then speech of every espeak-ng language, and music."""
    found = []
    for label, maker in sounds.MAKERS.items():
        rng = np.random.default_rng((seed, len(found)))
        found += [Recording(f"made/{label}-{i}", "made", LEARN, _made(maker, rng), [label], label != "Clicking") for i in range(count)]
    rng = np.random.default_rng((seed, 1))
    for i in range(6 * count):
        found.append(Recording(f"speech/{i}", "made-speech", LEARN, _made(sounds.any_language, rng), ["Speech"], True))
    for i in range(16 * count):
        number = int(rng.integers(144)) if i % 3 else 144
        wave = music.render(rng, number, music.LEARNT_FONT, RATE)
        found.append(Recording(f"music/{number}-{i}", "made-music", LEARN, wave, ["Music"], number >= 144))
    return found


def judged_music(count, seed):
    """Music of a sound font that is never learnt."""
    rng = np.random.default_rng((seed, 2))
    return [Recording(f"judged-music/{number}-{i}", "judged-music", AGREE, music.render(rng, number, music.JUDGED_FONT, RATE), ["Music"])
            for i in range(count) for number in [int(rng.integers(128)) if i % 4 else 144]]


def _unpacked(folder, package):
    """A package of Debian's: unpacked into the folder, not installed."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / package).exists():
        subprocess.run(["apt-get", "download", "-qq", package], cwd=folder, check=True)
        subprocess.run(["dpkg-deb", "-x", next(folder.glob(f"{package}_*.deb")), folder / f"{package}.part"], check=True)
        (folder / f"{package}.part").rename(folder / package)
    return folder / package


def debian(folder):
    """Sounds of Debian's packages, 30 s of each at most."""
    labels = {(row["package"], row["file"]): row["labels"].split(";") for row in _rows(Path(__file__).with_name("debian_labels.csv"))}
    found = []
    for package, use in DEBIAN.items():
        paths = [path for path in sorted(_unpacked(folder, package).rglob("*")) if path.suffix.lower() in (".wav", ".ogg", ".mp3", ".flac")]
        paths = [path for path in paths if not any(part in str(path) for part in SPOKEN)]
        named = {path: next((said for (owner, file), said in labels.items() if owner == package and str(path).endswith("/" + file)), [])
                 for path in paths}
        with ThreadPoolExecutor(2) as pool:
            waves = pool.map(lambda path: decode(path, 30), paths)
            found += [Recording(f"{package}/{path.name}", package, use if named[path] else AGREE, wave, named[path])
                      for path, wave in zip(paths, waves) if len(wave) > RATE // 20 and np.abs(wave).max() > 30]
    return found


def spoken(folder, count):
    """So many voices of each of Debian's packages that hold them."""
    found = []
    for package, pattern in VOICES.items():
        paths = sorted(_unpacked(folder, package).rglob(pattern), key=lambda path: hashlib.sha256(path.name.encode()).digest())
        with ThreadPoolExecutor(2) as pool:
            found += [Recording(f"{package}/{path.name}", "spoken", VOICE, wave, ["Speech"])
                      for path, wave in zip(paths, pool.map(decode, paths[:count])) if len(wave) > RATE // 2]
    return found


def is_same(one, other):
    """Whether two recordings (int16) are the same sound, whatever their levels: by the peak of the normalised cross-correlation of their first 10 s."""
    one, other = (wave[:min(len(wave), 10 * RATE) // 4 * 4].reshape(-1, 4).mean(1) for wave in (one, other))
    size = 1 << int(len(one) + len(other)).bit_length()
    together = np.fft.irfft(np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size)), size)
    return bool(np.abs(together).max() > 0.5 * np.sqrt((one @ one) * (other @ other)) + 1e-9)


def save(path, recordings):
    Path(path).write_bytes(pickle.dumps(recordings, protocol=4))


def load(path):
    return pickle.loads(Path(path).read_bytes())
