"""The teacher of the built-in model: EfficientAT (F. Schmid et al.), a MobileNetV3 that tags 32 kHz audio with AudioSet's 527 labels. Forward only."""
import torch
import torch.nn.functional as F

from . import checkpoint

RATE = 32_000
LABELS = 527
# kernel, expanded channels, channels, squeeze-and-excite, hardswish, stride: MobileNetV3-large at width 1
BLOCKS = [(3, 16, 16, 0, 0, 1), (3, 64, 24, 0, 0, 2), (3, 72, 24, 0, 0, 1), (5, 72, 40, 1, 0, 2), (5, 120, 40, 1, 0, 1), (5, 120, 40, 1, 0, 1),
          (3, 240, 80, 0, 1, 2), (3, 200, 80, 0, 1, 1), (3, 184, 80, 0, 1, 1), (3, 184, 80, 0, 1, 1), (3, 480, 112, 1, 1, 1), (3, 672, 112, 1, 1, 1),
          (5, 672, 160, 1, 1, 2), (5, 960, 160, 1, 1, 1), (5, 960, 160, 1, 1, 1)]


def _eighths(channels):
    """Channels are multiples of 8, and never more than a tenth fewer than asked for."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def _mel_filters(bins=128, size=1024, high_hz=15_000.0):
    def mel(hz):
        return 1127 * torch.log1p(hz / 700)
    delta = mel(torch.tensor(high_hz, dtype=torch.float64)) / (bins + 1)
    left = torch.arange(bins, dtype=torch.float64)[:, None] * delta
    at = mel(RATE / size * torch.arange(size // 2, dtype=torch.float64))[None]
    bank = torch.minimum((at - left) / delta, (left + 2 * delta - at) / delta).clamp(min=0)
    return torch.cat([bank, torch.zeros(bins, 1)], 1).float()  # [bins, size/2+1]


class EfficientAt:
    """`path`: safetensors under the published names; any width of the same form."""

    def __init__(self, path):
        self.tensors = checkpoint.read_tensors(path)
        self.width = self.tensors["features.1.block.0.0.weight"].shape[0] / 16
        self.window, self.filters = torch.hann_window(800, periodic=False), _mel_filters()
        self.first, self.last = self._folded("features.0"), self._folded("features.16")
        self.blocks, channels = [], _eighths(16 * self.width)
        for i, (kernel, expanded, out, squeeze, hard, stride) in enumerate(BLOCKS):
            expanded, out, at = _eighths(expanded * self.width), _eighths(out * self.width), f"features.{i + 1}.block."
            layers, next_layer = {}, 0
            if expanded != channels:
                layers["expand"], next_layer = self._folded(at + "0"), 1
            layers["depthwise"] = self._folded(at + str(next_layer))
            next_layer += 1
            if squeeze:
                name = f"{at}{next_layer}.conc_se_layers.0."
                layers["squeeze"] = [self.tensors[name + part] for part in ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")]
                next_layer += 1
            layers["project"] = self._folded(at + str(next_layer))
            self.blocks.append((layers, kernel, stride, F.hardswish if hard else F.relu, stride == 1 and channels == out))
            channels = out

    def _folded(self, name):
        """A convolution with its batch norm folded in."""
        t = self.tensors
        gain = t[name + ".1.weight"] / torch.sqrt(t[name + ".1.running_var"] + 1e-3)
        return t[name + ".0.weight"] * gain[:, None, None, None], t[name + ".1.bias"] - t[name + ".1.running_mean"] * gain

    def _log_mel(self, waves):
        waves = waves[:, 1:] - 0.97 * waves[:, :-1]
        spectrum = torch.stft(waves, 1024, 320, 800, window=self.window, center=True, return_complex=True)
        return ((self.filters @ (spectrum.real**2 + spectrum.imag**2) + 1e-5).log() + 4.5) / 5  # [B,128,T]

    @torch.no_grad()
    def __call__(self, waves):
        """waves [B,N] at 32 kHz -> logits [B,527]. Below about 2 s it hears badly: fill up with zeros."""
        x = F.hardswish(F.conv2d(self._log_mel(waves)[:, None], *self.first, stride=2, padding=1))
        for layers, kernel, stride, activation, residual in self.blocks:
            y = activation(F.conv2d(x, *layers["expand"])) if "expand" in layers else x
            y = activation(F.conv2d(y, *layers["depthwise"], stride=stride, padding=kernel // 2, groups=y.shape[1]))
            if "squeeze" in layers:
                down, down_bias, up, up_bias = layers["squeeze"]
                share = torch.sigmoid(F.linear(F.relu(F.linear(y.mean((2, 3)), down, down_bias)), up, up_bias))
                y = y * share[:, :, None, None]
            y = F.conv2d(y, *layers["project"])
            x = x + y if residual else y
        t, mean = self.tensors, F.hardswish(F.conv2d(x, *self.last)).mean((2, 3))
        hidden = F.hardswish(F.linear(mean, t["classifier.2.weight"], t["classifier.2.bias"]))
        return F.linear(hidden, t["classifier.5.weight"], t["classifier.5.bias"])
