"""From recordings to lessons: run teach --data shared/data --bank DIR. The bank keeps recordings, what the teacher hears, and lessons."""
import argparse
from pathlib import Path

import numpy as np
import torch
import torch.multiprocessing

from . import audioset, lessons, recordings
from .efficient_at import EfficientAt

FORK = torch.multiprocessing.get_context("fork")


def kept(path, make, save, load):
    """The file's content; made when it is not there yet."""
    if not path.exists():
        save(path, make())
    return load(path)


def side_by_side(processes, what, work, mixer, teacher, folder, count, *more):
    """Each process does its part of `count` files."""
    folder.mkdir(exist_ok=True)
    started = [FORK.Process(target=work, args=(mixer, teacher, folder, range(part, count, processes), *more)) for part in range(processes)]
    for process in started:
        process.start()
    for process in started:
        process.join()
    if any(process.exitcode for process in started):
        raise SystemExit(f"a process that makes {what} failed; the same command goes on where it stopped")


def main():
    parser = argparse.ArgumentParser(
        prog="dass_training.teach", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with esc10, sounds, more-sounds and audioset_labels.csv")
    parser.add_argument("--teacher", type=Path, help="safetensors of the same form (default: teacher/mn04_as.safetensors in the data)")
    parser.add_argument("--bank", type=Path, required=True)
    parser.add_argument("--made", type=int, default=30, help="made sounds per label, six times as much speech, sixteen times as much music")
    parser.add_argument("--share-alike", action="store_true", help="also learn what is under CC BY-SA")
    parser.add_argument("--without-fold", type=int, help="of ESC-10, which is then reported and not learnt")
    parser.add_argument("--shards", type=int, default=80, help="of 100 scenes")
    parser.add_argument("--others", type=int, default=60_000, help="sounds that recordings become, heard to keep those with labels that are rare")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2, help="that make shards side by side")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.bank.mkdir(parents=True, exist_ok=True)
    folds = [fold for fold in (1, 2, 3) if fold != options.without_fold]
    real = kept(options.bank / "real.pickle", lambda: recordings.real(options.data, not options.share_alike, folds),
                recordings.save, recordings.load)
    made = kept(options.bank / "made.pickle", lambda: recordings.made(options.made, options.seed), recordings.save, recordings.load)
    teacher = EfficientAt(options.teacher or options.data / "teacher" / "mn04_as.safetensors")
    heard = [kept(options.bank / f"heard_{name}.npy", lambda: lessons.hear(teacher, found), np.save, np.load)
             for name, found in (("real", real), ("made", made))]
    every, names = list(zip(real + made, np.concatenate(heard))), audioset.labels(options.data / "audioset_labels.csv")
    music = kept(options.bank / "judged_music.pickle", lambda: recordings.judged_music(60, options.seed), recordings.save, recordings.load)
    debian = kept(options.bank / "debian.pickle", lambda: recordings.debian(options.bank / "debian"), recordings.save, recordings.load)
    kept(options.bank / "spoken.pickle", lambda: recordings.spoken(options.bank / "debian", 300), recordings.save, recordings.load)
    for name, found in (("judged_music", music), ("debian", debian)):
        kept(options.bank / f"heard_{name}.npy", lambda: lessons.hear(teacher, found), np.save, np.load)
    for folder, uses, shards in (("calibration", (recordings.CHOOSE, recordings.AGREE), 4),
                                 ("lessons", (recordings.LEARN,), options.shards)):
        found = [(r, z) for r, z in every if r.use in uses]
        mixer = lessons.Mixer([r for r, _ in found], np.stack([z for _, z in found]), names, [r for r in made if r.source == "made"])
        print(f"{folder}: {len(found)} recordings, {sum(len(r.wave) for r, _ in found) / recordings.RATE / 3600:.1f} h", flush=True)
        if folder == "lessons":
            count = options.others // lessons.PART
            side_by_side(options.processes, "others", lessons.hear_others, mixer, teacher, options.bank / "others", count)
            mixer.keep(np.concatenate([np.load(options.bank / "others" / f"{part:05}.npy") for part in range(count)]))
        side_by_side(options.processes, folder, lessons.write, mixer, teacher, options.bank / folder, shards, options.seed)


if __name__ == "__main__":
    main()
