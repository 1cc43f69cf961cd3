"""What a window costs the published form of DASS on PyTorch: src/training/run peer --model DIR. A line of JSON for each kind of scan."""
import argparse
import json
import statistics
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from . import checkpoint, kernels
from .model import MEL_BINS, Dass, Shape

FRAMES, HOP = 1024, 0.96  # a window of 10.24 s is computed again every 0.96 s
BATCHES = 1, 4


def ordered(t, k):
    """[B,H,W,C] to [B,H*W,C], the tokens in the order of route k."""
    t = (t.transpose(1, 2) if k % 2 else t).flatten(1, 2)
    return t.flip(1) if k >= 2 else t


def placed(t, k, H, W):
    """Back from the order of route k to [B,H,W,C]."""
    t = t.flip(1) if k >= 2 else t
    return t.unflatten(1, (W, H)).transpose(1, 2) if k % 2 else t.unflatten(1, (H, W))


def published_scan(u, x, w, bias, A, Ds, rows=None, col=None):
    """`kernels.scan` of a whole window in the form that is published for machines without CUDA: a loop over the tokens.

    A turn of the loop does batch, routes, channels and the state (of size 1) at once. Tokens come first, so that a turn reads memory in a row.
    """
    assert rows is None and col is None
    B, H, W, D = u.shape
    R = w.shape[1]
    u = torch.stack([ordered(u, k) for k in range(4)]).permute(2, 1, 0, 3).contiguous()  # [H*W,B,4,D]
    x = torch.stack([ordered(x[:, :, :, k], k) for k in range(4)])  # [4,B,H*W,R+2]
    dt = F.softplus(torch.einsum("kblr,krd->lbkd", x[..., :R], w) + bias)
    b, c = x.permute(2, 1, 0, 3)[..., R:].unbind(-1)  # [H*W,B,4]
    decay = torch.exp(dt * A)[..., None]  # the last dimension is the state
    gain = (dt * b[..., None] * u)[..., None]
    h, y = u.new_zeros(B, 4, D, 1), []
    for i in range(H * W):
        h = decay[i] * h + gain[i]
        y.append(torch.einsum("bkdn,bkn->bkd", h, c[i, ..., None]))
    y = torch.stack(y) + Ds * u
    return sum(placed(y[:, :, k].transpose(0, 1), k, H, W) for k in range(4)), None


def published_convolution(x, w, left=None):
    """`kernels.conv_silu` of a whole window by PyTorch's own operators."""
    assert left is None
    kernel = w.t().reshape(-1, 1, 3, 3)
    return F.silu(F.conv2d(x.permute(0, 3, 1, 2), kernel, padding=1, groups=len(kernel))).permute(0, 2, 3, 1).contiguous()


FORMS = {"published": (published_scan, published_convolution), "kernel": (kernels.scan, kernels.conv_silu)}


def take(form):
    kernels.scan, kernels.conv_silu = FORMS[form]


def load(folder):
    config = json.loads((folder / "config.json").read_text())
    names = config.get("id2label") or {}
    model = Dass(Shape(tuple(config["dims"]), tuple(config["depths"]), config["num_classes"])).eval()
    checkpoint.initialise(model, folder, [names[str(i)] for i in range(len(names))])
    return model


def check(model):
    """Both forms give the same logits."""
    x, logits = torch.randn(2, 160, MEL_BINS), []
    for form in FORMS:
        take(form)
        logits.append(model(x))
    error = float((logits[0] - logits[1]).abs().max() / logits[1].abs().max())
    assert error <= 1e-4, f"the scans differ: error {error:.1e} of the largest logit"


def seconds_per_window(model, batch, repetitions):
    """Processor time, the median after a run that warms up."""
    x, spent = torch.randn(batch, FRAMES, MEL_BINS), []
    for _ in range(repetitions + 1):
        before = time.process_time()
        model(x)
        spent.append(time.process_time() - before)
    return statistics.median(spent[1:]) / batch


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="directory of a checkpoint")
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    model = load(options.model)
    check(model)
    for form in FORMS:
        take(form)
        seconds, batch = min((seconds_per_window(model, batch, options.repetitions), batch) for batch in BATCHES)
        print(json.dumps({"scan": form, "batch": batch, "seconds_per_window": seconds, "streams_per_core": HOP / seconds}))


if __name__ == "__main__":
    main()
