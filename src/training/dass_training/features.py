"""Log-mel features as the published models expect them (Kaldi filter bank), batched."""
import torch

SAMPLE_RATE_HZ = 16_000
HOP, FRAME, FFT, BINS = 160, 400, 512, 128
MEAN, STD = -4.2677393, 4.5689974


def samples_of(frames):
    return FRAME + (frames - 1) * HOP


def _mel(hz):
    return 1127 * torch.log1p(hz / 700)


def _filters():
    low, high = _mel(torch.tensor([20.0, 8000.0], dtype=torch.float64))
    delta = (high - low) / (BINS + 1)
    left = low + torch.arange(BINS, dtype=torch.float64)[:, None] * delta
    mel = _mel(torch.arange(FFT // 2, dtype=torch.float64) * SAMPLE_RATE_HZ / FFT)[None]
    up, down = (mel - left) / delta, (left + 2 * delta - mel) / delta
    bank = torch.minimum(up, down).clamp(min=0)
    return torch.cat([bank, torch.zeros(BINS, 1)], 1).float().t().contiguous()


_FILTERS = _filters()
_WINDOW = torch.hann_window(FRAME, periodic=False)
_EPSILON = 1.1920929e-07


def log_mel(waves):
    """waves [B,N] in [-1, 1] at 16 kHz -> normalised log-mel [B,T,128], T = 1 + (N - 400) // 160."""
    frames = waves.unfold(1, FRAME, HOP)
    frames = frames - frames.mean(2, keepdim=True)
    previous = torch.cat([frames[..., :1], frames[..., :-1]], 2)
    spectrum = torch.fft.rfft((frames - 0.97 * previous) * _WINDOW, n=FFT)
    power = spectrum.real**2 + spectrum.imag**2
    return ((power @ _FILTERS).clamp(min=_EPSILON).log() - MEAN) / (2 * STD)


def decibels(ratio):
    return 10 ** (ratio / 20)
