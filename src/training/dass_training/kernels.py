"""What a block computes, behind autograd. The C kernels are compiled for this machine at the first use."""
import ctypes
import subprocess
import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F

_SOURCE = Path(__file__).with_name("kernels.c")


def _build():
    folder = tempfile.mkdtemp(prefix="dass-training-")
    built, library = f"{folder}/kernels.o", f"{folder}/kernels.so"
    subprocess.run(["gcc", "-O3", "-march=native", "-ffast-math", "-fopenmp", "-fPIC", "-c", str(_SOURCE), "-o", built], check=True)
    # Linked without -ffast-math, which would change how the whole process rounds small numbers.
    subprocess.run(["gcc", "-shared", "-fopenmp", built, "-o", library, "-lm"], check=True)
    return ctypes.CDLL(library)


_library = _build()
half = False  # products in BF16: twice as fast where the processor multiplies it, far slower where not


def _call(name, tensors, sizes):
    pointers = [None if t is None else ctypes.c_void_p(t.data_ptr()) for t in tensors]
    getattr(_library, name)(*pointers, *(ctypes.c_long(n) for n in sizes))


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u, x, w, bias, A, Ds, rows, col):
        B, H, W, D = u.shape
        R = w.shape[1]
        u, x, w, bias, A, Ds = (t.contiguous() for t in (u, x, w, bias, A, Ds))
        y, dt, h = torch.empty_like(u), u.new_empty(B, 4, H * W, D), u.new_empty(B, 4, H * W, D)
        _call("scan_forward", (u, x, w, bias, A, Ds, rows, col, y, dt, h), (B, H, W, D, R))
        ctx.save_for_backward(u, x, w, A, Ds, dt, h)
        ctx.starts = rows, col
        ctx.mark_non_differentiable(h)
        return y, h

    @staticmethod
    def backward(ctx, gy, _):
        u, x, w, A, Ds, dt, h = ctx.saved_tensors
        rows, col = ctx.starts
        B, H, W, D = u.shape
        R = w.shape[1]
        gy = gy.contiguous()
        du, dx = torch.empty_like(u), torch.empty_like(x)
        dw, per = u.new_empty(B, 4, R, D), [u.new_empty(B, 4, D) for _ in range(3)]
        _call("scan_backward", (u, x, w, A, Ds, rows, col, dt, h, gy, du, dx, dw, *per), (B, H, W, D, R))
        return du, dx, dw.sum(0), *(p.sum(0) for p in per), None, None


class _ConvSilu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, left):
        x, w = x.contiguous(), w.contiguous()
        c, u = torch.empty_like(x), torch.empty_like(x)
        _call("conv_forward", (x, w, left, c, u), x.shape)
        ctx.save_for_backward(x, w, c)
        ctx.left = left
        return u

    @staticmethod
    def backward(ctx, gu):
        x, w, c = ctx.saved_tensors
        gu = gu.contiguous()
        dx, dw = torch.empty_like(x), x.new_empty(x.shape[0], 9, x.shape[3])
        _call("conv_backward", (x, w, ctx.left, c, gu, dx, dw), x.shape)
        return dx, dw.sum(0), None


class _Gelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        x = x.contiguous()
        y, slope = torch.empty_like(x), torch.empty_like(x)
        _call("gelu", (x, y, slope), (x.numel(),))
        ctx.save_for_backward(slope)
        return y

    @staticmethod
    def backward(ctx, gy):
        return gy * ctx.saved_tensors[0]


class _HalfLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, bias):
        rows, half_w = x.reshape(-1, x.shape[-1]).bfloat16(), w.bfloat16()
        ctx.save_for_backward(rows, half_w)
        ctx.biased = bias is not None
        y = (rows @ half_w.t()).float()
        if ctx.biased:
            y += bias
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx, gy):
        rows, half_w = ctx.saved_tensors
        flat = gy.reshape(-1, gy.shape[-1])
        half_g = flat.bfloat16()
        gx, gw = (half_g @ half_w).float(), (half_g.t() @ rows).float()
        return gx.view(*gy.shape[:-1], -1), gw, flat.sum(0) if ctx.biased else None


def multiplies_half():
    """Whether this processor multiplies BF16: its products then are of twice the speed."""
    return bool({"avx512_bf16", "amx_bf16"} & set(Path("/proc/cpuinfo").read_text().split()))


def linear(x, w, bias=None):
    """x [...,I], w [O,I], bias [O]: x w' + bias. Sums are fp32 with `half`, too; factors and results are rounded."""
    return _HalfLinear.apply(x, w, bias) if half else F.linear(x, w, bias)


def gelu(x):
    return _Gelu.apply(x)


def scan(u, x, w, bias, A, Ds, rows=None, col=None):
    """Four-route selective scan.

    u [B,H,W,D]; x [B,H,W,4,R+2] holds dt_r, B and C per route; w [4,R,D]; bias, A, Ds [4,D]. rows [B,H,D] and col [B,D] are the states with
    which route 0's rows and route 1 start (contiguous; no gradient flows into them). Returns y [B,H,W,D] and the states h [B,4,H*W,D] in route order.
    """
    return _Scan.apply(u, x, w, bias, A, Ds, rows, col)


def conv_silu(x, w, left=None):
    """SiLU of the depthwise 3x3 convolution, pad 1: x [B,H,W,D], w [9,D], left [B,H,D] the column before the first (contiguous, no gradient)."""
    return _ConvSilu.apply(x, w, left)
