"""How well a model hears what it never learnt: run evidence --data shared/data --bank DIR --model CHECKPOINT --out DIR.

Clips: recordings whose file names say what they are (antum-sounds, split by author) and ESC-10's fold 4. Agreement: whole sources that were not learnt,
where the teacher's 0.3 counts as heard. Streaming is 0.96 s chunks with 0.64 s of look-ahead.
"""
import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from . import audioset, checkpoint, features, judge, lessons, recordings
from .model import Dass, Shape
from .recordings import AGREE, CHOOSE, HAY, LEARN, REPORT

HEARD = 0.3     # probability at which the teacher counts as hearing a label
CHUNK, AHEAD = 96, 64
ALIKE = 0.9     # correlation of the teacher's logits of two recordings that may be one
ENOUGH_CLIPS, ENOUGH_HEARD, ENOUGH_AUC = 2, 5, 0.9


def load(folder, labels):
    config = json.loads((Path(folder) / "config.json").read_text())
    model = Dass(Shape(tuple(config["dims"]), tuple(config["depths"]), len(labels)))
    checkpoint.initialise(model, folder, labels)
    return model.eval()


def student_wave(recording):
    """16 kHz, at least one frame and whole columns of frames."""
    wave = lessons.halved(recording.wave[: len(recording.wave) // 4 * 4].astype(np.float32) / 32768).astype(np.float32)
    frames = max(32, (1 + (len(wave) - features.FRAME) // features.HOP) // 32 * 32)
    return np.pad(wave, (0, max(0, features.samples_of(frames) - len(wave))))


@torch.no_grad()
def tokens(model, waves, streaming=False):
    """The mean token of each wave."""
    rows = []
    for wave in waves:
        x = features.log_mel(torch.from_numpy(wave)[None])
        rows.append((model.stream(x, [CHUNK], AHEAD) if streaming else model.tokens(x)).mean(1)[0])
    return torch.stack(rows)


def auc(scores, positives):
    """The share of pairs in the right order; ties count half."""
    from scipy.stats import rankdata
    ranks, n = rankdata(scores), positives.sum()
    return float((ranks[positives].sum() - n * (n + 1) / 2) / (n * (len(scores) - n)))


def per_label(scores, positives, least=1):
    """{label index: (AUC, positives)} of labels with so many positives."""
    return {k: (auc(scores[:, k], positives[:, k]), int(positives[:, k].sum())) for k in np.flatnonzero(positives.sum(0) >= least)}


def claimed(found, names):
    """[N,527]: what the files' names claim."""
    wanted = np.zeros((len(found), len(names)), bool)
    for row, recording in zip(wanted, found):
        row[[names.index(label) for label in recording.labels]] = True
    return wanted


def judged(bank):
    """Recordings that were not learnt, the teacher's logits of them, and their waves for the student; gathered once."""
    path = bank / "judged.pickle"
    if not path.exists():
        every, rows = [], []
        for name in ("real", "judged_music", "debian"):
            every += recordings.load(bank / f"{name}.pickle")
            rows.append(np.load(bank / f"heard_{name}.npy"))
        rows = np.concatenate(rows)
        learnt = np.flatnonzero([r.use == LEARN for r in every])
        judging = [i for i, r in enumerate(every) if r.use in (CHOOSE, REPORT, AGREE, HAY) and not is_learnt(every, rows, i, learnt)]
        found = [replace(every[i], wave=None) for i in judging]
        recordings.save(path, (found, rows[judging], [student_wave(every[i]) for i in judging]))
    return recordings.load(path)


def is_learnt(every, heard, i, learnt, nearest=6):
    """Whether one of the learnt recordings that sound most alike to the teacher is the same sound, as sounds wander from game to game."""
    if every[i].source not in recordings.DEBIAN:
        return False
    z = heard - heard.mean(1, keepdims=True)
    alike = z[learnt] @ z[i] / np.linalg.norm(z[learnt], axis=1) / np.linalg.norm(z[i])
    first = [j for j in np.argsort(-alike)[:nearest] if alike[j] > ALIKE]
    return any(recordings.is_same(every[i].wave, every[j].wave) for j in learnt[first])


def top1_of_ten(logits, found, names):
    rows = [i for i, r in enumerate(found) if r.source.startswith("esc10")]
    ten = sorted({names.index(found[i].labels[0]) for i in rows})
    return float(np.mean([ten[int(np.argmax(logits[i, ten]))] == names.index(found[i].labels[0]) for i in rows]))


def named(logits, wanted, relatives, columns):
    """Of clips [N,527]: the share whose highest of these columns is a claimed label, or above or below one in the tree, and of wrong ones above 0.5."""
    highest = columns[np.argmax(logits[:, columns], 1)]
    right = np.array([relatives[k][row].any() for k, row in zip(highest, wanted)])
    sure = logits[np.arange(len(logits)), highest] > 0
    return {"clips": len(right), "right": round(float(right.mean()), 3), "wrong_and_sure": round(float((~right & sure).mean()), 3),
            "right_and_sure": round(float((right & sure).mean()), 3)}


def summary(logits, heard, found, names, columns=None):
    """Figures of one set of logits [N,527]; `columns`: labels that may be named (default: all)."""
    columns, relatives = np.arange(len(names)) if columns is None else np.array(columns), audioset.relatives(names)
    use, source = np.array([r.use for r in found]), np.array([r.source for r in found])
    wanted, figures = claimed(found, names), {"top1_of_ten": top1_of_ten(logits, found, names)}
    for half in (CHOOSE, REPORT):
        rows = (source == recordings.JUDGED_SOURCE) & (use == half) & wanted.any(1)
        each = per_label(logits[rows], wanted[rows])
        values = np.array([a for a, _ in each.values()])
        figures[f"antum_{half}"] = {"labels": len(each), "auc": float(values.mean()), "above_0.9": int((values > 0.9).sum()),
                                    "map": judge.mean_average_precision(*(x[rows][:, list(each)].astype(float) for x in (logits, wanted)))}
        figures[f"antum_{half}"].update(named(logits[rows], wanted[rows], relatives, columns))
    for name in (*recordings.SHARE_ALIKE, *(package for package, half in recordings.DEBIAN.items() if half != AGREE)):
        rows = (source == name) & wanted.any(1)
        figures[name] = named(logits[rows], wanted[rows], relatives, columns)
    each = per_label(logits, 1 / (1 + np.exp(-heard)) > HEARD, ENOUGH_HEARD)
    values = np.array([a for a, _ in each.values()])
    figures["agreement"] = {"labels": len(each), "auc": float(values.mean()), "above_0.9": int((values > 0.9).sum())}
    return figures


def evidence(logits, heard, found, names):
    """{label: evidence} of labels that may be offered: AUC on real clips with the label in their name, or agreement with the teacher."""
    real = np.array([r.use in (REPORT, CHOOSE) and bool(r.labels) for r in found])
    clips = per_label(logits[real], claimed(found, names)[real], ENOUGH_CLIPS)
    agreed = per_label(logits, 1 / (1 + np.exp(-heard)) > HEARD, ENOUGH_HEARD)
    offered = {}
    for k, name in enumerate(names):
        for kind, table in (("clips", clips), ("agreement", agreed)):
            if k in table and table[k][0] >= ENOUGH_AUC and name not in offered:
                offered[name] = {"evidence": kind, "auc": round(table[k][0], 3), "clips": table[k][1]}
    return offered


def main():
    parser = argparse.ArgumentParser(
        prog="dass_training.evidence", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bank", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of evidence.json and of the recordings' mean tokens")
    options = parser.parse_args()
    torch.set_num_threads(1)
    names = audioset.labels(options.data / "audioset_labels.csv")
    found, heard, waves = judged(options.bank)
    model = load(options.model, names)
    figures, kept = {"teacher": summary(heard, heard, found, names)}, {}
    for kind in ("streaming", "offline"):
        kept[kind] = tokens(model, waves, kind == "streaming")
        with torch.no_grad():
            logits = model.head(kept[kind]).numpy()
        figures[kind] = summary(logits, heard, found, names)
        figures[f"offered_{kind}"] = evidence(logits, heard, found, names)
        print(kind, json.dumps(figures[kind]), len(figures[f"offered_{kind}"]), "labels could be offered", flush=True)
    print("teacher", json.dumps(figures["teacher"]))
    options.out.mkdir(parents=True, exist_ok=True)
    np.savez(options.out / "tokens.npz", **{kind: rows.numpy() for kind, rows in kept.items()})
    (options.out / "evidence.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
