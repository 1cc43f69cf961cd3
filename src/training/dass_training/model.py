"""DASS in PyTorch. Module names are the published tensor names, so that a state dict is a checkpoint."""
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from . import kernels

MEL_BINS = 128
FRAMES_PER_COLUMN = 32  # one column of last-stage tokens is 0.32 s


@dataclass
class Shape:
    dims: tuple = (32, 64, 128, 256)
    depths: tuple = (1, 1, 2, 1)
    labels: int = 527
    drop_path: float = 0.1


class Step:
    """One step of a stream: what each layer left behind in the step before, and what it leaves for the next."""

    def __init__(self, before, committed):
        self.before = before  # {layer: tensor}, empty in the first step of a stream
        self.after = {}
        self.committed = committed  # frames, then columns: halved by each convolution of stride 2

    def left(self, layer, x):
        """Exchanges the column left of the window, [B,H,D]; x is channels last."""
        self.after[layer, "left"] = x[:, :, self.committed - 1].detach().contiguous()
        return self.before.get((layer, "left"))

    def starts(self, layer):
        return self.before.get((layer, "rows")), self.before.get((layer, "col"))

    def keep_states(self, layer, h, H, W):
        """h [B,4,H*W,D] in route order."""
        B, _, _, D = h.shape
        last = self.committed - 1
        self.after[layer, "rows"] = h[:, 0].view(B, H, W, D)[:, :, last].contiguous()
        self.after[layer, "col"] = h[:, 1, last * H + H - 1].contiguous()


def _halve(conv, x, step):
    """Convolution 3x3 of stride 2, channels last. The window sees the column before it on its left, zeros on its right."""
    left = step.left(conv, x) if step else None
    if left is None:
        left = x.new_zeros(x.shape[0], x.shape[1], x.shape[3])
    x = torch.cat([left[:, :, None], x], 2)
    x = F.pad(x.permute(0, 3, 1, 2), (0, 1, 1, 1))
    if step:
        step.committed = (step.committed + 1) // 2
    return F.conv2d(x, conv.weight, conv.bias, stride=2).permute(0, 2, 3, 1)


class Projections(nn.Module):
    """A weight alone: its product is computed in the scan kernel or once for four routes."""

    def __init__(self, rows, columns, scale):
        super().__init__()
        self.weight = nn.Parameter((torch.rand(rows, columns) * 2 - 1) * scale)


class SelectiveScan(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.R = R = math.ceil(d / 16)
        self.in_proj = nn.Linear(d, d, bias=False)
        self.conv2d = nn.Conv2d(d, d, 3, padding=1, groups=d, bias=False)
        self.x_proj = Projections(4 * (R + 2), d, math.sqrt(3 / d))
        self.dt_projs = Projections(4 * d, R, R**-0.5)
        dt = torch.exp(torch.rand(4, d) * math.log(100) + math.log(0.001))  # 0.001 to 0.1, log-uniform
        self.dt_projs_bias = nn.Parameter(dt + torch.log(-torch.expm1(-dt)))
        self.A_logs = nn.Parameter(torch.zeros(4 * d, 1))
        self.Ds = nn.Parameter(torch.ones(4 * d))
        self.out_norm = nn.LayerNorm(d)
        self.out_proj = nn.Linear(d, d, bias=False)

    def forward(self, x, step):
        B, H, W, D = x.shape
        x = kernels.linear(x, self.in_proj.weight)
        left = step.left(self, x) if step else None
        u = kernels.conv_silu(x, self.conv2d.weight.view(D, 9).t(), left)
        p = kernels.linear(u, self.x_proj.weight).view(B, H, W, 4, self.R + 2)
        w = self.dt_projs.weight.view(4, D, self.R).transpose(1, 2)
        starts = step.starts(self) if step else (None, None)
        y, h = kernels.scan(u, p, w, self.dt_projs_bias, -torch.exp(self.A_logs).view(4, D), self.Ds.view(4, D), *starts)
        if step:
            step.keep_states(self, h, H, W)
        return kernels.linear(self.out_norm(y), self.out_proj.weight)


class Block(nn.Module):
    def __init__(self, d, drop_path):
        super().__init__()
        self.norm = nn.LayerNorm(d)
        self.op = SelectiveScan(d)
        self.norm2 = nn.LayerNorm(d)
        self.mlp = nn.Module()
        self.mlp.fc1 = nn.Linear(d, 4 * d)
        self.mlp.fc2 = nn.Linear(4 * d, d)
        self.drop_path = drop_path

    def _drop(self, x):
        if not self.training or self.drop_path == 0:
            return x
        return x * ((torch.rand(x.shape[0], 1, 1, 1) > self.drop_path).float() / (1 - self.drop_path))

    def forward(self, x, step):
        x = x + self._drop(self.op(self.norm(x), step))
        hidden = kernels.gelu(kernels.linear(self.norm2(x), self.mlp.fc1.weight, self.mlp.fc1.bias))
        return x + self._drop(kernels.linear(hidden, self.mlp.fc2.weight, self.mlp.fc2.bias))


class Dass(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        dims, depths = shape.dims, shape.depths
        self.dass = nn.Module()
        self.dass.patch_embeddings = nn.Module()
        self.dass.patch_embeddings.projection = nn.ModuleDict({
            "0": nn.Conv2d(1, dims[0] // 2, 3), "1": nn.LayerNorm(dims[0] // 2),
            "3": nn.Conv2d(dims[0] // 2, dims[0], 3), "4": nn.LayerNorm(dims[0])})
        rates = torch.linspace(0, shape.drop_path, sum(depths)).tolist()
        self.dass.layers = nn.ModuleList()
        for i, d in enumerate(dims):
            layer = nn.Module()
            layer.blocks = nn.ModuleList(Block(d, rates.pop(0)) for _ in range(depths[i]))
            if i + 1 < len(dims):
                layer.downsample = nn.Module()
                layer.downsample.down = nn.Conv2d(d, dims[i + 1], 3)
                layer.downsample.norm = nn.LayerNorm(dims[i + 1])
            self.dass.layers.append(layer)
        self.dass.norm = nn.LayerNorm(dims[-1])
        self.head = nn.Linear(dims[-1], shape.labels)

    def tokens(self, x, step=None):
        """x [B,T,128] normalised log-mel; returns the final-norm tokens' means over frequency, [B,W,D], one column per 32 frames."""
        p = self.dass.patch_embeddings.projection
        x = x.transpose(1, 2)[..., None]
        x = kernels.gelu(p["1"](_halve(p["0"], x, step)))
        x = p["4"](_halve(p["3"], x, step))
        for layer in self.dass.layers:
            for block in layer.blocks:
                x = block(x, step)
            if hasattr(layer, "downsample"):
                x = layer.downsample.norm(_halve(layer.downsample.down, x, step))
        return self.dass.norm(x).mean(1)

    def stream(self, x, chunks, look_ahead):
        """As `tokens`, in steps of `chunks` frames (the last number repeats) with `look_ahead` frames of context, state carried."""
        columns, state, at = [], {}, 0
        chunks = list(chunks)
        while at < x.shape[1]:
            chunk = chunks.pop(0) if len(chunks) > 1 else chunks[0]
            chunk = min(chunk, x.shape[1] - at)
            step = Step(state, chunk)
            columns.append(self.tokens(x[:, at:at + chunk + look_ahead], step)[:, :step.committed])
            state, at = step.after, at + chunk
        return torch.cat(columns, 1)

    def logits(self, tokens):
        """Tokens [B,W,D] or [B,D]: the head is linear, so the logits of a span are those of its mean token."""
        return self.head(tokens.mean(1) if tokens.dim() == 3 else tokens)

    def forward(self, x):
        return self.logits(self.tokens(x))
