"""The recipe's own test: python3 -m dass_training.check. It needs the fixtures of the tests, and takes about a minute."""
import json
import math
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from . import bank, checkpoint, features, judge, kernels, lessons, losses, others, recordings
from .efficient_at import EfficientAt
from .fit import fit
from .model import MEL_BINS, Dass, Shape
from .scenes import Scenes, targets

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
GOLDEN = Path(__file__).resolve().parents[3] / "tests" / "fixtures" / "golden"


def close(name, actual, expected, tolerance):
    error = float((actual - expected).abs().max() / expected.abs().max())
    assert error <= tolerance, f"{name}: error {error:.1e} of the largest value, {tolerance:.0e} allowed"
    print(f"{name}: {error:.1e}")


@torch.no_grad()
def published_model():
    tensors = checkpoint.read_tensors(GOLDEN / "fbank.safetensors")
    close("features", features.log_mel(tensors["synthetic.wave"][None])[0], tensors["synthetic.fbank"], 1e-4)
    model = Dass(Shape((16, 32, 64, 128), (1, 1, 2, 1), 527)).eval()
    model.load_state_dict(checkpoint.read_tensors(GOLDEN / "tiny" / "model.safetensors"))
    expected, x = checkpoint.read_tensors(GOLDEN / "tiny" / "golden.safetensors"), tensors["babble.fbank"][None]
    for frames in (1024, 333, 32, 7, 1):
        close(f"logits of {frames} frames", model(x[:, :frames])[0], expected[f"logits.{frames}"], 1e-5)
    for chunk, ahead in ((96, 64), (96, 32), (32, 0), (320, 128), (64, 1024)):
        close(f"stream of {chunk} + {ahead} frames", model.logits(model.stream(x[:, :1000], [chunk], ahead))[0],
              expected[f"stream.{chunk}.{ahead}.logits"], 1e-5)


def teacher():
    """The teacher's published scores, of recordings as far as resamplers agree. Skipped where the data is not beside the repository."""
    folder = DATA / "teacher"
    if not folder.exists():
        print(f"teacher: skipped, {folder} is not there")
        return
    model, expected = EfficientAt(folder / "mn04_as.safetensors"), json.loads((folder / "expected.json").read_text())
    t = np.arange(320_000) / recordings.RATE
    made = (0.3 * np.sin(2 * np.pi * 440 * t) + 0.2 * np.sin(2 * np.pi * 3000 * t)).astype(np.float32)
    for name, scores in expected.items():
        if name == "about":
            continue
        if name == "sines":
            wave = made
        else:
            path = GOLDEN.parent / "babble.wav" if name == "babble" else DATA / "esc10" / f"{name}.ogg"
            wave = recordings.decode(path, 10, "f32le")
        error = float((model(torch.tensor(wave)[None])[0] - torch.tensor(scores)).abs().max())
        assert error <= (1e-3 if name == "sines" else 0.05), f"teacher on {name}: logits differ by {error:.1e}"
        print(f"teacher on {name}: {error:.1e}")


def slow_scan(u, x, w, bias, A, Ds, rows, col):
    """The scan by its definition, token by token, for autograd."""
    B, H, W, D = u.shape
    R, y = w.shape[1], [[0.0] * W for _ in range(H)]
    for k in range(4):
        order = [(i, j) for i in range(H) for j in range(W)] if k % 2 == 0 else [(i, j) for j in range(W) for i in range(H)]
        h = col if k == 1 and col is not None else torch.zeros(B, D)
        for i, j in order if k < 2 else order[::-1]:
            if k == 0 and rows is not None and j == 0:
                h = rows[:, i]
            t = x[:, i, j, k]
            dt = F.softplus(t[:, :R] @ w[k] + bias[k])
            h = torch.exp(dt * A[k]) * h + dt * t[:, R:R + 1] * u[:, i, j]
            y[i][j] = y[i][j] + t[:, R + 1:] * h + Ds[k] * u[:, i, j]
    return torch.stack([torch.stack(row, 1) for row in y], 1)


def gradients():
    torch.manual_seed(3)
    B, H, W, D, R = 2, 3, 5, 16, 2
    shapes = [(B, H, W, D), (B, H, W, 4, R + 2), (4, R, D), (4, D), (4, D), (4, D)]
    for streamed in (False, True):
        inputs = [torch.randn(s) for s in shapes]
        inputs[4] = -inputs[4].exp()
        starts = (torch.randn(B, H, D), torch.randn(B, D)) if streamed else (None, None)
        ours, theirs = ([t.clone().requires_grad_() for t in inputs] for _ in range(2))
        y, expected = kernels.scan(*ours, *starts)[0], slow_scan(*theirs, *starts)
        close(f"scan, streamed {streamed}", y, expected, 1e-5)
        weights = torch.randn_like(y)
        (y * weights).sum().backward()
        (expected * weights).sum().backward()
        for name, a, b in zip("u x w bias A Ds".split(), ours, theirs):
            close(f"  gradient of {name}", a.grad, b.grad, 1e-4)
        left = torch.randn(B, H, D) if streamed else None
        x, w = torch.randn(B, H, W, D), torch.randn(9, D)
        a, b = [x.clone().requires_grad_(), w.clone().requires_grad_()], [x.clone().requires_grad_(), w.clone().requires_grad_()]
        u = kernels.conv_silu(*a, left)
        padded = F.pad(torch.cat([torch.zeros(B, H, 1, D) if left is None else left[:, :, None], b[0]], 2).permute(0, 3, 1, 2), (0, 1, 1, 1))
        expected = F.silu(F.conv2d(padded, b[1].t().reshape(D, 1, 3, 3), groups=D)).permute(0, 2, 3, 1)
        close(f"convolution, streamed {streamed}", u, expected, 1e-5)
        u.pow(2).sum().backward()
        expected.pow(2).sum().backward()
        for name, one, other in zip(("x", "w"), a, b):
            close(f"  gradient of {name}", one.grad, other.grad, 1e-4)


def products():
    """GELU as PyTorch computes it; products in BF16, where this machine has them, within its rounding."""
    torch.manual_seed(4)
    x, w, bias = torch.randn(2, 3, 40, requires_grad=True), torch.randn(24, 40, requires_grad=True), torch.randn(24, requires_grad=True)

    def gradients_of(y):
        y.pow(2).sum().backward()
        taken = [t.grad for t in (x, w, bias)]
        x.grad = w.grad = bias.grad = None
        return taken

    expected = F.linear(F.gelu(4 * x), w, bias)
    wanted = gradients_of(expected)
    for kernels.half in (False, True) if kernels.multiplies_half() else (False,):
        y, tolerance = kernels.linear(kernels.gelu(4 * x), w, bias), 1e-2 if kernels.half else 1e-5
        close(f"product, BF16 {kernels.half}", y, expected, tolerance)
        for name, one, other in zip(("x", "w", "bias"), gradients_of(y), wanted):
            close(f"  gradient of {name}", one, other, tolerance)
    kernels.half = False


def formulae():
    student, teacher = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    p, q = math.exp(2) / (1 + math.exp(2)), 1 / (1 + math.e)  # of the second label: teacher at T = 1, student
    expected = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
    assert abs(losses.distillation("kldiv", student, teacher).item() - expected) < 1e-6
    assert abs(losses.distillation("l2", student, teacher).item() - 2.5) < 1e-6
    assert abs(losses.distillation("cosine", student, teacher).item() - 0.5) < 1e-6
    spread = torch.tensor([0.5, 1.5])  # (1 - 0)^2 (1 + 8 p0) / 1 and (0 - 2)^2 (1 + 8 p1) / 4, and eight times the BCE
    p0, p1 = 0.5, 1 / (1 + math.exp(-2))
    by_hand = (1 + 8 * p0 + 1 + 8 * p1) / 2 + 8 * (math.log1p(math.e) - p0 + math.log(2)) / 2
    assert abs(losses.lesson("logits", student, teacher, spread).item() - by_hand) < 1e-5
    assert abs(losses.distillation("bce", torch.zeros(1, 2), teacher).item() - math.log(2)) < 1e-6
    # The example of scikit-learn's average_precision_score.
    assert abs(judge.average_precision(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1])) - 0.8333333) < 1e-6
    activity = torch.zeros(1, 64, 2)
    activity[0, 30:40, 0] = 1
    assert targets(activity, 0, 1).tolist() == [[0, 0]] and targets(activity, 1, 1).tolist() == [[1, 0]]
    print("formulae: as by hand")


@torch.no_grad()
def deepening():
    """A deeper student computes what the checkpoint that it starts from computes, and its new blocks can learn."""
    names = [str(i) for i in range(527)]
    small, deep = Dass(Shape((16, 32, 64, 128), drop_path=0.0)), Dass(Shape((16, 32, 64, 128), (1, 2, 4, 2), drop_path=0.0))
    x = torch.from_numpy(np.random.default_rng(2).standard_normal((2, 64, MEL_BINS)).astype(np.float32))
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.write_model(folder, small, names)
        assert checkpoint.initialise(deep, folder, names) == len(deep.state_dict())
    close("deeper, the same", deep(x), small(x), 1e-6)
    with torch.enable_grad():
        deep(x).square().mean().backward()
    for name, p in deep.named_parameters():
        new = any(name.startswith(f"dass.layers.{i}.blocks.{k}.") for i, k in ((1, 1), (2, 2), (2, 3), (3, 1)))
        if new and any(part in name for part in checkpoint.ADDS):
            assert p.grad.abs().max() > 0, f"{name} cannot learn"


def resampling():
    """Doubling and halving give the wave back, and half precision is within its step."""
    wave = np.random.default_rng(1).standard_normal(lessons.LENGTH // 2).astype(np.float32)
    close("32 kHz and back", torch.from_numpy(lessons.halved(lessons.doubled(wave))), torch.from_numpy(wave.astype(float)), 2e-2)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.write_tensors(Path(folder) / "half.safetensors", {"a": torch.linspace(-3, 3, 32)}, half=True)
        close("BF16", checkpoint.read_tensors(Path(folder) / "half.safetensors")["a"], torch.linspace(-3, 3, 32), 2**-8)


def turning():
    """Each turn of a sound ends in time and gives numbers, of one sample and of silence too, and the same number gives the same sound."""
    rng = np.random.default_rng(1)
    waves = [(300 * rng.standard_normal(n)).astype(np.float32) for n in (1, 100, 5000, 700_000)] + [np.zeros(5000, np.float32)]
    for turn in others.TURNS:
        for wave in waves:
            for other in waves:
                made = turn(rng, wave.astype(np.float64), other)
                assert 0 < len(made) and np.isfinite(made).all(), f"{turn.__name__} of {len(wave)} and {len(other)} samples"
    one, again, else_ = (others.become(np.random.default_rng((1, n)), waves[2], waves[3]) for n in (4, 4, 5))
    assert np.array_equal(one, again) and not np.array_equal(one, else_) and len(one) <= others.LONGEST
    print("turning: every sound in time, and the same again")


def learning():
    """A small student learns five made sounds, is written, and reads back the same."""
    from . import sounds
    kept = dict(sounds.MAKERS)
    try:
        for name in list(sounds.MAKERS):
            if name not in ("Sine wave", "White noise", "Siren", "Clicking", "Mains hum"):
                del sounds.MAKERS[name]
        made = bank.make(10, seed=1)
    finally:
        sounds.MAKERS.update(kept)
    labels = sorted({s.labels[0] for s in made})
    scenes = Scenes([s for s in made if s.fold != 4], labels, quietest=-38.0)
    held = [s for s in made if s.fold == 4]
    torch.manual_seed(1)
    model = fit(Dass(Shape((16, 32, 64, 128), (1, 1, 1, 1), len(labels), 0.0)), scenes, 200, 1, 1e-3, budget=4096, stream_share=0.3)
    offline, streamed = (judge.top1(judge.clip_logits(model, held, chunk), held, labels, labels) for chunk in (None, 96))
    assert offline >= 0.6 and streamed >= 0.5, f"top-1 of five labels is {offline} offline and {streamed} streaming after 200 steps"
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.write_model(folder, model, labels)
        again = Dass(model.shape)
        assert checkpoint.initialise(again, folder, labels) == len(model.state_dict())
    print(f"learning: top-1 of five unheard sounds {offline:.2f} offline, {streamed:.2f} streaming")


if __name__ == "__main__":
    torch.set_num_threads(1)
    published_model()
    teacher()
    gradients()
    products()
    formulae()
    deepening()
    resampling()
    turning()
    learning()
    print("The recipe holds.")
