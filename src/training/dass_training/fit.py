"""The training loop, the same for teacher and student."""
import math
import time

import numpy as np
import torch
import torch.multiprocessing

from . import features, losses
from .scenes import masked, targets

CHUNKS = [32, 64, 96, 96, 128, 192]       # frames that a step commits
LOOK_AHEADS = [0, 32, 64, 64, 128]        # frames of context after them
LONG = 0.35                               # of the streams last 20 s, when scenes are endless
SPAN = 3                                  # columns of a chunk that is judged by itself: 0.96 s
STUCK = 600                               # seconds after which a silent process counts as dead


def fit(model, scenes, steps, seed, rate, budget=8192, mixup=0.25, stream_share=0.0, teacher=None, weight=0.5, kind="kldiv",
        temperature=1.0, average_from=0.6, processes=2, report=None, report_every=100, course=False):
    """Trains in place; the result is the mean of the weights over the last part of the steps. budget: frames of a batch.

    With `course` scenes are easy at first and as hard as they get from two thirds of the steps on.

    A model with `tokens` is also judged on each 0.96 s of a scene, and a share of its batches run as a stream. Each process takes its part of
    every batch on one thread: two threads on one batch are half as fast as two processes, because the products of a small model are small.
    """
    model.train().share_memory()
    parameters = list(model.parameters())
    size = sum(p.numel() for p in parameters)
    gradients = torch.zeros(processes, size + 1).share_memory_()  # and the loss

    def work(process, step):
        rng = np.random.default_rng((seed, step, process))
        scenes.hard = min(1.0, max(0.0, 3 * step / steps - 1)) if course else 1.0
        frames, shape = _kind(np.random.default_rng((seed, step)), stream_share, scenes.endless * scenes.hard)
        loss = _loss(model, scenes, rng, max(1, budget // frames // processes), frames, shape, mixup, teacher, weight, kind, temperature)
        loss.backward()
        gradients[process, :size] = torch.cat([p.grad.flatten() for p in parameters])
        gradients[process, size] = loss.detach()
        for p in parameters:
            p.grad = None

    fork = torch.multiprocessing.get_context("fork")
    begin, end = fork.Barrier(processes, timeout=STUCK), fork.Barrier(processes, timeout=STUCK)

    def help_out(process):
        torch.manual_seed(seed + 1000 * process)
        for step in range(steps):
            begin.wait()
            work(process, step)
            end.wait()

    helpers = [fork.Process(target=help_out, args=(process,), daemon=True) for process in range(1, processes)]
    for helper in helpers:
        helper.start()
    torch.manual_seed(seed)
    optimiser = torch.optim.AdamW(parameters, rate, weight_decay=0.02)
    warm = max(1, min(steps // 5, 150))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda s: min((s + 1) / warm, 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * max(0, s - warm) / max(1, steps - warm)))))
    mean, taken, total, begun = None, 0, 0.0, time.time()
    for step in range(steps):
        begin.wait()
        work(0, step)
        end.wait()
        at, flat = 0, gradients.mean(0)
        for p in parameters:
            p.grad = flat[at:at + p.numel()].view_as(p)
            at += p.numel()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        schedule.step()
        for p in parameters:
            p.grad = None
        total += float(flat[size])
        if step >= steps * average_from and step % 10 == 0:
            state = {name: value.detach().clone() for name, value in model.state_dict().items()}
            mean = state if mean is None else {name: mean[name] + state[name] for name in mean}
            taken += 1
        if report and (step + 1) % report_every == 0:
            model.eval()
            report(f"step {step + 1}/{steps} loss {total / report_every:.4f} {time.time() - begun:.0f} s", model)
            model.train()
            total = 0.0
    for helper in helpers:
        helper.join()
    if mean:
        model.load_state_dict({name: value / taken for name, value in mean.items()})
    return model.eval()


def _kind(rng, stream_share, endless):
    """What all processes do in a step: the length of the scenes, and the cut of a stream or None."""
    frames = 512 if rng.random() < 0.65 else 1024
    if rng.random() >= stream_share:
        return frames, None
    frames = 2048 if endless and rng.random() < LONG else 512  # the state of a stream must not drift
    return frames, (int(rng.choice(CHUNKS)), int(rng.choice(CHUNKS)), int(rng.choice(LOOK_AHEADS)))


def _loss(model, scenes, rng, count, frames, cut, mixup, teacher, weight, kind, temperature):
    waves, activity = scenes.batch(rng, count, frames)
    silence, share, other = scenes.silence_index(), 1.0, activity
    if count > 1 and rng.random() < mixup:  # of waves and labels, as the paper's recipe does
        share = float(rng.beta(10, 10))
        waves, other = share * waves + (1 - share) * waves.flip(0), activity.flip(0)
    x = masked(rng, features.log_mel(waves))
    columns = frames // 32

    def wanted(first, width):
        ours = targets(activity, first, width, silence)
        return ours if share == 1.0 else share * ours + (1 - share) * targets(other, first, width, silence)

    if hasattr(model, "tokens"):
        tokens = model.tokens(x) if cut is None else model.stream(x, cut[:2], cut[2])
        logits = model.logits(tokens)
        spans = columns // SPAN
        parts = tokens[:, :spans * SPAN].reshape(count, spans, SPAN, -1).mean(2)
        each = torch.stack([wanted(i * SPAN, SPAN) for i in range(spans)], 1)
        loss = 0.5 * losses.tagging(logits, wanted(0, columns)) + 0.5 * losses.tagging(model.head(parts), each)
    else:
        logits = model(x)
        loss = losses.tagging(logits, wanted(0, columns))
    if teacher is None:
        return loss
    with torch.no_grad():
        lesson = teacher(x)
    return (1 - weight) * loss + weight * losses.distillation(kind, logits, lesson, temperature)
