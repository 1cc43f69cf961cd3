"""A student learns from kept lessons: run distil --lessons DIR --init CHECKPOINT --out DIR --minutes 60. Lessons may still be coming."""
import argparse
import json
import math
import os
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from . import audioset, checkpoint, degrade, features, kernels, losses
from .fit import CHUNKS, LOOK_AHEADS, SPAN
from .lessons import FRAMES, SAMPLES, SHARD, SPANS
from .model import Dass, Shape
from .scenes import masked

KEEP_EVERY = 120  # seconds between two saves of the run
MUSIC = 137       # its index
LIKELY = -0.85    # logit, 0.3
SURE = 0.9        # probability that is taught of a label that surely holds, if the teacher says less
LONG = 0.3        # of the streams are two scenes long
CROPS = 5, 5, 5, 2  # spans of a part of a scene: half of it, or as little as many recordings last
CROPPED = 0.85      # of the batches that are no streams are of such parts: more different sounds for the same work


class Lessons:
    """The shards of a folder, taken into memory as they come. The rarer the labels that the teacher hears in a scene, the oftener it is drawn."""

    def __init__(self, folder):
        self.folder, self.seen, self.shards, self.likely, self.chances = Path(folder), set(), [], [], None

    def refresh(self):
        fresh = sorted(set(self.folder.glob("*.npz")) - self.seen)
        for path in fresh:
            self.seen.add(path)
            with np.load(path) as kept:
                self.shards.append((kept["waves"], kept["logits"], np.unpackbits(kept["sure"], axis=-1, count=527).astype(bool)))
            _, logits, sure = self.shards[-1]
            self.likely.append((np.maximum(logits, np.where(sure, 9, -99)) > LIKELY).any(1))
        if fresh:
            likely = np.concatenate(self.likely)
            rarity = np.where(likely, 1 / (likely.sum(0) + 30.0), 0.0)
            rarity = np.sort(rarity, 1)[:, -2:].mean(1) + 1 / len(likely)
            rarity *= np.where(likely[:, MUSIC], 0.3, 1.0)  # else it is in half of what is heard, and the answer to whatever is short
            self.chances = rarity / rarity.sum()
        return len(self.shards)

    def draw(self, rng):
        shard, i = divmod(int(rng.choice(len(self.chances), p=self.chances)), SHARD)
        waves, logits, sure = self.shards[shard]
        return waves[i].astype(np.float32) / 32768, taught(logits[i].astype(np.float32), sure[i])


def taught(logits, sure):
    """The teacher's logits, raised where a label surely holds."""
    return np.where(sure, np.maximum(logits, math.log(SURE / (1 - SURE))), np.maximum(logits, -12.0))


def united(one, other, gain):
    """Logits of two scenes at once: either is heard, the fainter one less surely."""
    p = 1 - (1 - 1 / (1 + np.exp(-one))) * (1 - math.sqrt(gain) / (1 + np.exp(-other)))
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p))


def item(rng, lessons, scenes, crop):
    """Wave of scenes in a row, degraded, and what is taught of each, [scenes,1+spans,527]; with `crop`, so many spans of one scene."""
    waves, wanted = [], []
    for _ in range(scenes):
        wave, logits = lessons.draw(rng)
        if rng.random() < 0.2:
            other, more = lessons.draw(rng)
            gain = features.decibels(-rng.uniform(0, 10))
            wave, logits = wave + gain * other, united(logits, more, gain)
        if crop:
            wave, logits = cropped(rng, wave, logits, crop)
        waves.append(wave if scenes == 1 else wave[: FRAMES * features.HOP])
        wanted.append(logits)
    return degrade.degrade(rng, np.concatenate(waves)), np.stack(wanted)


def cropped(rng, wave, logits, spans):
    """A part of a scene, often that in which most is heard. As a whole it is what the teacher hears in its three clearest spans."""
    p = 1 / (1 + np.exp(-logits[1:]))
    clear = np.convolve(p.max(1), np.ones(spans), "valid")
    at = int(np.argmax(clear)) if rng.random() < 0.6 else int(rng.integers(len(clear)))
    whole = np.clip(np.sort(p[at:at + spans], 0)[-3:].mean(0), 1e-6, 1 - 1e-6)
    first, columns = at * SPAN * 32 * features.HOP, spans * SPAN
    wanted = np.vstack([np.log(whole / (1 - whole))[None], logits[1 + at:1 + at + spans]])
    return wave[first:first + features.samples_of(columns * 32)], wanted


def batch(rng, lessons, count, scenes, crop=None):
    pairs = [item(rng, lessons, scenes, crop) for _ in range(count)]
    waves, wanted = np.stack([wave for wave, _ in pairs]), np.stack([wanted for _, wanted in pairs])
    return torch.from_numpy(waves), torch.from_numpy(wanted.astype(np.float32))


def loss_of(model, x, wanted, cut, spread, kind):
    """Half of the whole scene, half of its spans; tokens carry the state through all scenes of an item."""
    B, scenes, spans = wanted.shape[0], wanted.shape[1], wanted.shape[2] - 1
    tokens = model.tokens(x) if cut is None else model.stream(x, cut[:2], cut[2])
    columns = tokens.shape[1] // scenes
    tokens = tokens[:, :scenes * columns].view(B, scenes, columns, -1)
    whole = model.head(tokens.mean(2))
    parts = model.head(tokens[:, :, :spans * SPAN].reshape(B, scenes, spans, SPAN, -1).mean(3))
    return 0.5 * losses.lesson(kind, whole, wanted[:, :, 0], spread) + 0.5 * losses.lesson(kind, parts, wanted[:, :, 1:], spread)


def ridge_head(model, lessons, rng, strength=100.0, count=800):
    """The best linear head on the backbone as it is: a working model to start from."""
    rows, wanted = [], []
    with torch.no_grad():
        for _ in range(count // 8):
            x, logits = batch(rng, lessons, 8, 1)
            tokens = model.tokens(features.log_mel(x))
            rows += [tokens.mean(1), tokens[:, :SPANS * SPAN].reshape(8, SPANS, SPAN, -1).mean(2).flatten(0, 1)]
            wanted += [logits[:, 0, 0], logits[:, 0, 1:].flatten(0, 1)]
        x, z = torch.cat(rows).double(), torch.cat(wanted).double()
        mean, scale, middle = x.mean(0), x.std(0) + 1e-3, z.mean(0)
        n = (x - mean) / scale
        square = n.t() @ n + strength * torch.eye(x.shape[1], dtype=torch.float64)
        weights = torch.linalg.solve(square, n.t() @ (z - middle)) / scale[:, None]
        model.head.weight.copy_(weights.t().float())
        model.head.bias.copy_((middle - mean @ weights).float())


def train(options, model, lessons):
    """Trains for so many minutes; the rate follows the clock, so that a busy machine ends in time too. Each process takes its part of a batch."""
    out, processes = Path(options.out), options.processes
    spread = torch.from_numpy(np.concatenate([logits[:, 0] for _, logits, _ in lessons.shards]).astype(np.float32).std(0))
    model.train().share_memory()
    parameters = list(model.parameters())
    size = sum(p.numel() for p in parameters)
    gradients = torch.zeros(processes, size + 1).share_memory_()  # and the loss
    going = torch.ones(1).share_memory_()
    head = [id(p) for p in model.head.parameters()]
    optimiser = torch.optim.AdamW([{"params": [p for p in parameters if id(p) not in head], "lr": options.rate},
                                   {"params": [p for p in parameters if id(p) in head], "lr": 1.6 * options.rate}], weight_decay=0.02)
    kept, first, spent, mean, taken = out / "progress.pt", 0, 0.0, None, 0
    if kept.exists():
        saved = torch.load(kept)
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        first, spent, mean, taken = saved["step"], saved["spent"], saved["mean"], saved["taken"]
        print(f"goes on from step {first}", flush=True)

    def work(process, step):
        shared, rng = np.random.default_rng((options.seed, step)), np.random.default_rng((options.seed, step, process))
        lessons.refresh()
        cut, scenes = None, 1
        if shared.random() < options.stream_share:
            cut = int(shared.choice(CHUNKS)), int(shared.choice(CHUNKS)), int(shared.choice(LOOK_AHEADS))
            scenes = 2 if shared.random() < LONG else 1
        crop = int(shared.choice(CROPS)) if cut is None and shared.random() < CROPPED else None
        x, wanted = batch(rng, lessons, max(1, options.batch * SPANS // (crop or SPANS) // processes // scenes), scenes, crop)
        frames = features.log_mel(x)
        if shared.random() < 0.5:
            frames = masked(rng, frames)
        loss = loss_of(model, frames, wanted, cut, spread, options.loss)
        loss.backward()
        gradients[process, :size] = torch.cat([p.grad.flatten() for p in parameters])
        gradients[process, size] = loss.detach()
        for p in parameters:
            p.grad = None

    fork = torch.multiprocessing.get_context("fork")
    begin, end = fork.Barrier(processes, timeout=900), fork.Barrier(processes, timeout=900)

    def help_out(process):
        torch.manual_seed(options.seed + 1000 * process)
        step = first
        while True:
            begin.wait()
            if not going.item():
                return
            work(process, step)
            end.wait()
            step += 1

    helpers = [fork.Process(target=help_out, args=(process,), daemon=True) for process in range(1, processes)]
    for helper in helpers:
        helper.start()
    torch.manual_seed(options.seed + first)
    begun, saved_at, total, step = time.time() - spent, time.time(), 0.0, first
    while (part := (time.time() - begun) / 60 / options.minutes) < 1 and step < options.steps:
        rate = min(1.0, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * part)))
        for group, factor in zip(optimiser.param_groups, (1.0, 1.6)):
            group["lr"] = rate * factor * options.rate
        begin.wait()
        work(0, step)
        end.wait()
        at, flat = 0, gradients.mean(0)
        for p in parameters:
            p.grad = flat[at:at + p.numel()].view_as(p)
            at += p.numel()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        for p in parameters:
            p.grad = None
        total += float(flat[size])
        step += 1
        if part > 0.7 and step % 5 == 0:
            state = {name: value.detach().clone() for name, value in model.state_dict().items()}
            mean = state if mean is None else {name: mean[name] + state[name] for name in mean}
            taken += 1
        if step % options.report_every == 0:
            loss = total / options.report_every
            print(f"step {step}, {100 * part:.0f} % of the time, {len(lessons.shards)} shards, loss {loss:.4f}", flush=True)
            total = 0.0
        if time.time() - saved_at > KEEP_EVERY:
            saved_at = time.time()
            torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step, "spent": time.time() - begun,
                        "mean": mean, "taken": taken}, out / "progress.part")
            os.replace(out / "progress.part", kept)
    going[0] = 0
    begin.wait()
    for helper in helpers:
        helper.join()
    if mean:
        model.load_state_dict({name: value / taken for name, value in mean.items()})
    return step


def main():
    parser = argparse.ArgumentParser(
        prog="dass_training.distil", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--lessons", required=True, help="folder that `teach` fills")
    parser.add_argument("--labels", required=True, help="audioset_labels.csv")
    parser.add_argument("--out", required=True)
    parser.add_argument("--init", required=True, help="checkpoint to start from; with other labels its head is replaced by a ridge regression")
    parser.add_argument("--depths", type=int, nargs=4, help="blocks of each stage, as many as the checkpoint's (default) or more; new ones begin by adding nothing")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--steps", type=int, default=1_000_000, help="ends sooner")
    parser.add_argument("--rate", type=float, default=4e-4, help="highest learning rate of the backbone; the head's is 1.6 times as high")
    parser.add_argument("--batch", type=int, default=4, help="scenes of 10.24 s in a step")
    parser.add_argument("--stream-share", type=float, default=0.2, help="of the batches run in chunks with carried state")
    parser.add_argument("--drop-path", type=float, default=0.0, help="a small student of a teacher needs none")
    parser.add_argument("--loss", default="logits", choices=["logits", "kldiv"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--report-every", type=int, default=50)
    options = parser.parse_args()
    torch.set_num_threads(1)
    kernels.half = kernels.multiplies_half()
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    labels, lessons = audioset.labels(options.labels), Lessons(options.lessons)
    while lessons.refresh() < 4:
        time.sleep(5)
    config = json.loads((Path(options.init) / "config.json").read_text())
    model = Dass(Shape(tuple(config["dims"]), tuple(options.depths or config["depths"]), len(labels), options.drop_path))
    checkpoint.initialise(model, options.init, labels)
    if config["num_classes"] != len(labels) and not (out / "progress.pt").exists():
        model.eval()
        ridge_head(model, lessons, np.random.default_rng(options.seed))
        checkpoint.write_model(out / "ridge", model, labels)
    steps = train(options, model, lessons)
    checkpoint.write_model(out / "distilled", model, labels)
    figures = {"options": vars(options), "steps": steps, "shards": len(lessons.shards)}
    (out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
