"""Figures on sounds that the training never heard."""
import numpy as np
import torch

from . import features
from .scenes import targets


def average_precision(scores, positives):
    """Uninterpolated; scores [N], positives [N] of 0 and 1. Ties count at their common rank."""
    order = np.argsort(-scores, kind="stable")
    scores, hits = scores[order], positives[order]
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    found = np.cumsum(hits)[last]
    precision, recall = found / (last + 1), found / max(1, hits.sum())
    return float(np.sum(np.diff(recall, prepend=0) * precision))


def mean_average_precision(scores, positives):
    each = [average_precision(scores[:, k], positives[:, k]) for k in range(scores.shape[1]) if positives[:, k].any()]
    return float(np.mean(each))


@torch.no_grad()
def clip_logits(model, sounds, chunk=None, look_ahead=64):
    """Logits [N,K] of whole sounds, each by itself."""
    rows = []
    for sound in sounds:
        wave = torch.from_numpy(np.pad(sound.wave, (0, max(0, features.FRAME - len(sound.wave)))))
        x = features.log_mel(wave[None])
        rows.append(model(x)[0] if chunk is None else model.logits(model.stream(x, [chunk], look_ahead))[0])
    return torch.stack(rows).numpy()


def top1(logits, sounds, labels, among):
    """Share of sounds whose label has the highest logit among these labels."""
    columns = [labels.index(label) for label in among]
    return float(np.mean([among[np.argmax(row[columns])] == sound.labels[0] for row, sound in zip(logits, sounds)]))


@torch.no_grad()
def scene_map(model, scenes, seed, count=96, frames=1024, chunk=None, look_ahead=64):
    """mAP over fixed scenes."""
    scores, wanted = [], []
    for i in range(0, count, 8):
        waves, activity = scenes.batch(np.random.default_rng((seed, i)), 8, frames)
        x = features.log_mel(waves)
        scores.append(model(x) if chunk is None else model.logits(model.stream(x, [chunk], look_ahead)))
        wanted.append(targets(activity, 0, frames // 32, scenes.silence_index()))
    return mean_average_precision(torch.cat(scores).numpy(), torch.cat(wanted).numpy())
