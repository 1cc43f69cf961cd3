"""Folds a scale and a bias per label into the head, so that 0.5 means the same everywhere, and writes which labels are offered.

The threshold of a label is the highest of three: the one of the best F1 on scenes of recordings that were not learnt, `--floor` at
least; above all that the label reaches in hay where the teacher does not hear it; and what all but `--wrong-clips` of the recordings
that choose keep below, of those that neither are named so nor sound so to the teacher (of Speech: all but a hundredth). Nothing here looks at the reported half.
"""
import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from . import audioset, checkpoint, evidence, features, hay, lessons, recordings
from .efficient_at import EfficientAt

# Scored, and no event unless asked for: what is there all day, and what says only how a recording sounds.
BACKGROUND = {
    "Silence", "Noise", "Environmental noise", "Static", "Mains hum", "Hum", "White noise", "Pink noise", "Distortion",
    "Hubbub, speech noise, speech babble", "Inside, small room", "Inside, large room or hall", "Inside, public space",
    "Outside, urban or manmade", "Outside, rural or natural", "Reverberation", "Echo", "Sound effect",
    "Field recording", "Sidetone", "Cacophony", "Throbbing", "Vibration", "Television", "Radio",
    "Wind noise (microphone)", "Harmonic", "Pulse", "Effects unit", "Electronic tuner", "Mechanisms", "Chatter",
    "Crowd", "Background music", "Air conditioning", "Mechanical fan"
}
COMMON = "Speech",  # so often there that a bound without exception would miss more than it spares: a hundredth of hay and clips may be wrong
MARGIN = 0.75       # of a logit above what hay reaches: other hay reaches more
CLIP_MARGIN = 0.25  # of a logit above what a recording that chooses reaches wrongly
MORE = 3            # times as much hay sets thresholds as is reported
EXCUSED = 0.08      # probability from which the teacher hears a label: then it is no false alarm
ABSENT = -4.0       # logit, after calibration, of a label that is not there: then the highest label is a guess worth showing, threshold or none
HIGHEST = 6.0       # a threshold above this logit says that the label cannot be offered
AROUND = 10_240     # samples at 16 kHz around a chunk that the teacher hears: 0.64 s
SPAN = 15_360       # 0.96 s


@torch.no_grad()
def chunk_tokens(model, waves):
    """Waves [B,N] -> the streaming tokens of each 0.96 s, [B,spans,D]."""
    x = features.log_mel(torch.from_numpy(np.stack(waves)))
    tokens = model.stream(x, [evidence.CHUNK], evidence.AHEAD)
    spans = tokens.shape[1] // 3
    return tokens[:, :spans * 3].reshape(len(x), spans, 3, -1).mean(2)


def teacher_in_track(teacher, wave):
    """What the teacher hears around each 0.96 s: the highest of its probabilities in three overlapping surroundings, [N,527]."""
    wide = lessons.doubled(wave)
    padded = torch.from_numpy(np.pad(wide, (2 * AROUND, 2 * AROUND + 2 * SPAN)))
    parts = [padded[2 * SPAN * i:2 * SPAN * (i + 1) + 4 * AROUND] for i in range(len(wave) // SPAN)]
    p = torch.cat([torch.sigmoid(teacher(torch.stack(parts[at:at + 32]))) for at in range(0, len(parts), 32)]).numpy()
    before, after = np.vstack([p[:1], p[:-1]]), np.vstack([p[1:], p[-1:]])
    return np.maximum(p, np.maximum(before, after))


def tracks(bank, teacher, report, minutes, names, seed=3):
    """{kind: (wave, what the teacher hears or what the kind surely is)}, kept in the bank."""
    path = bank / f"hay_{'report' if report else 'calibrate'}_{minutes}.npz"
    if not path.exists():
        found = [r for name in ("real", "made", "judged_music", "spoken") for r in recordings.load(bank / f"{name}.pickle")]
        played = np.load(bank / "heard_debian.npy")[:, names.index("Music")] > 0  # games' music, which others made than what is learnt and reported
        found += [replace(r, use=recordings.VOICE) for r, music in zip(recordings.load(bank / "debian.pickle"), played)
                  if music and r.use != recordings.REPORT]
        made = {kind: hay.track(kind, report, found, minutes if report else MORE * minutes, seed) for kind in hay.KINDS}
        np.savez(path, **{f"{kind}/wave": wave for kind, wave in made.items()},
                 **{f"{kind}/heard": teacher_in_track(teacher, wave).astype(np.float16) for kind, wave in made.items()})
    sure, above = {kind: [names.index(label) for label in labels] for kind, labels in hay.SURE.items()}, audioset.above(names)
    with np.load(path) as kept:
        return {kind: (kept[f"{kind}/wave"], np.maximum(kept[f"{kind}/heard"].astype(np.float32), above[sure[kind]].any(0)))
                for kind in hay.KINDS}


def balanced(scores, wanted):
    """The threshold of the best F1."""
    order = np.argsort(-scores)
    hits = np.cumsum(wanted[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + wanted.sum())
    at = int(np.argmax(f1))
    return float(scores[order[at]] + scores[order[min(at + 1, len(order) - 1)]]) / 2


def reached_wrongly(logits, heard, found, names, allowed):
    """What each label's logit exceeds in so many of the choosing recordings that are neither named so (nor above or below it in the tree) nor sound so."""
    wanted = evidence.claimed(found, names)
    choosing = np.array([r.use == recordings.CHOOSE or r.source in recordings.SHARE_ALIKE for r in found]) & wanted.any(1)
    right = (wanted.astype(int) @ audioset.relatives(names).astype(int)) > 0
    right |= 1 / (1 + np.exp(-heard)) >= EXCUSED
    return np.sort(np.where(right, -np.inf, logits)[choosing], 0)[-1 - allowed]


def slopes(scores, soft, thresholds):
    """The scale of each label that takes its threshold to 0 and what it reaches while the teacher hears none of it (in all but a tenth of the chunks) to ABSENT."""
    absent = np.array([np.percentile(scores[soft[:, k] < EXCUSED, k], 90) for k in range(scores.shape[1])])
    return -ABSENT / np.maximum(1.0, thresholds - absent)


def events(scores, on=0.5, off=0.4):
    """Events of one label by the grid's rule, as (first chunk, the one after the last): a chunk is long enough for an event, a pause of one belongs to it."""
    found, begin, reached = [], None, False
    for i, score in enumerate(np.append(scores, 0.0)):
        if score >= off:
            begin = i if begin is None else begin
            reached |= score >= on
        elif begin is not None:
            if i + 1 < len(scores) and scores[i + 1] >= off:
                continue  # a pause of one chunk belongs to it
            if reached:
                found.append((begin, i))
            begin, reached = None, False
    return found


def false_alarms(logits, heard, columns):
    """Events an hour of these labels where the teacher does not hear them, by kind of hay; and which they are. logits, heard: {kind: [N,527]}."""
    rates, names = {}, {}
    for kind, p in heard.items():
        scores = 1 / (1 + np.exp(-logits[kind][:len(p)]))
        count = {k: sum(p[a:b + 1, k].max() < EXCUSED for a, b in events(scores[:, k])) for k in columns}
        rates[kind] = round(sum(count.values()) / (len(scores) * 0.96 / 3600), 1)
        names[kind] = {k: c for k, c in sorted(count.items(), key=lambda item: -item[1]) if c}
    return rates, names


def heard_chunks(model, options, teacher, names):
    """The tokens of each 0.96 s, streamed, of scenes and of both sets of hay, with what the teacher hears there. One pass: only the head changes."""
    path = options.evidence / "chunks.npz"
    if not path.exists():
        parts, soft = [], []
        for shard_path in sorted(options.scenes.glob("*.npz"))[:options.shards]:
            with np.load(shard_path) as shard:
                waves, lesson = shard["waves"].astype(np.float32) / 32768, shard["logits"][:, 1:].astype(np.float32)
            for at in range(0, len(waves), 20):
                parts.append(chunk_tokens(model, waves[at:at + 20])[:, :lessons.SPANS].numpy())
                soft.append(1 / (1 + np.exp(-lesson[at:at + 20, :parts[-1].shape[1]])))
        kept = {"scenes": np.concatenate(parts).reshape(-1, parts[0].shape[2]),
                "soft": np.concatenate(soft).reshape(-1, soft[0].shape[2]).astype(np.float16)}
        for report in (False, True):
            hay_tracks = tracks(options.bank, teacher, report, options.minutes, names)
            for kind, (wave, heard) in hay_tracks.items():
                tokens = chunk_tokens(model, [wave])[0].numpy()
                n = min(len(heard), len(tokens))
                kept[f"{report}/{kind}/tokens"], kept[f"{report}/{kind}/heard"] = tokens[:n], heard[:n].astype(np.float16)
        options.evidence.mkdir(parents=True, exist_ok=True)
        np.savez(path, **kept)
    with np.load(path) as kept:
        return {name: torch.from_numpy(kept[name].astype(np.float32)) for name in kept.files}


def main():
    parser = argparse.ArgumentParser(
        prog="dass_training.calibrate", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bank", type=Path, required=True)
    parser.add_argument("--model", required=True, help="checkpoint of `distil`")
    parser.add_argument("--evidence", type=Path, required=True, help="folder that `evidence` left for the same checkpoint")
    parser.add_argument("--scenes", type=Path, required=True, help="folder of shards that were not learnt")
    parser.add_argument("--out", type=Path, required=True, help="folder of the calibrated checkpoint")
    parser.add_argument("--minutes", type=float, default=8, help="of each kind of hay")
    parser.add_argument("--shards", type=int, default=4, help="of the scenes")
    parser.add_argument("--floor", type=float, default=-3, help="lowest threshold of a label, in logits of the model")
    parser.add_argument("--wrong-clips", type=int, default=0, help="choosing recordings that may reach a label wrongly; -1: all may")
    parser.add_argument("--note", help="what the program says when it uses the model; {offered} is the number of labels that it offers")
    options = parser.parse_args()
    torch.set_num_threads(1)
    names = audioset.labels(options.data / "audioset_labels.csv")
    teacher = EfficientAt(options.data / "teacher" / "mn04_as.safetensors")
    model = evidence.load(options.model, names)
    chunks = heard_chunks(model, options, teacher, names)

    def logits_of(name):
        with torch.no_grad():
            return model.head(chunks[name]).numpy()

    scores, soft = logits_of("scenes"), chunks["soft"].numpy()
    wanted = soft > evidence.HEARD
    alarms = [np.where(chunks[f"False/{kind}/heard"].numpy() < EXCUSED, logits_of(f"False/{kind}/tokens"), -np.inf) for kind in hay.KINDS]
    reached = np.max([rows.max(0) for rows in alarms], 0)
    found, heard, _ = evidence.judged(options.bank)
    with np.load(options.evidence / "tokens.npz") as kept, torch.no_grad():
        clips = {kind: model.head(torch.from_numpy(kept[kind])).numpy() for kind in ("offline", "streaming")}
    wrongly = np.full(len(names), -np.inf)
    if options.wrong_clips >= 0:
        best, choosing = np.maximum(*clips.values()), sum(r.use == recordings.CHOOSE for r in found)
        wrongly = reached_wrongly(best, heard, found, names, options.wrong_clips)
        for k in (names.index(label) for label in COMMON):
            reached[k] = max(np.sort(rows[:, k])[-1 - len(rows) // 100] for rows in alarms)
            wrongly[k] = reached_wrongly(best, heard, found, names, choosing // 100)[k]
    offered = json.loads((options.evidence / "evidence.json").read_text())["offered_streaming"]
    fair = np.array([max(options.floor, balanced(scores[:, k], wanted[:, k]) if wanted[:, k].sum() >= 10 else options.floor)
                     for k in range(len(names))])
    thresholds = np.maximum.reduce([fair, reached + MARGIN, wrongly + CLIP_MARGIN])
    scale = slopes(scores, soft, thresholds)
    bias = -scale * thresholds
    for name in (name for name, threshold in zip(names, thresholds) if threshold > HIGHEST):
        offered.pop(name, None)
    with torch.no_grad():
        model.head.weight *= torch.from_numpy(scale)[:, None].float()
        model.head.bias.copy_(model.head.bias * torch.from_numpy(scale).float() + torch.from_numpy(bias).float())
    note = options.note and options.note.replace("{offered}", str(len(offered)))
    checkpoint.write_model(options.out, model, names, note, half=True)
    rows = [{"label": name, **offered[name], "background": name in BACKGROUND} for name in names if name in offered]
    text = ",\n ".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (options.out / "offered_labels.json").write_text(f"[\n {text}\n]\n", encoding="utf-8")
    said = {name: {"fair": round(float(f), 2), "hay": round(float(h), 2), "clips": round(float(c), 2)}
            for name, f, h, c in zip(names, fair, reached, wrongly)}
    (options.evidence / "thresholds.json").write_text(json.dumps(said, indent=1))
    print(len(rows), "labels offered,", sum(row["background"] for row in rows), "of them background", flush=True)
    columns = [names.index(row["label"]) for row in rows if not row["background"]]
    with np.load(options.evidence / "tokens.npz") as kept:
        for kind in ("offline", "streaming"):
            with torch.no_grad():
                logits = model.head(torch.from_numpy(kept[kind])).numpy()
            print(kind, json.dumps(evidence.summary(logits, heard, found, names, columns)), flush=True)
    print("teacher", json.dumps(evidence.summary(heard, heard, found, names, columns)), flush=True)
    rates, which = false_alarms({kind: logits_of(f"True/{kind}/tokens") for kind in hay.KINDS},
                                {kind: chunks[f"True/{kind}/heard"].numpy() for kind in hay.KINDS}, columns)
    print("false events an hour, reported hay:", rates)
    for kind, row in which.items():
        print(kind, {names[k]: count for k, count in row.items()})


if __name__ == "__main__":
    main()
