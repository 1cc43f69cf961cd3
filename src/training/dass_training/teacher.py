"""A transformer teacher in the manner of AST: patches of 16 x 16, learned positions, a class token."""
import torch
from torch import nn


class Teacher(nn.Module):
    def __init__(self, labels, dim=192, depth=6, heads=3, frames=1024, dropout=0.1):
        super().__init__()
        self.patches = nn.Conv2d(1, dim, 16, 16)
        self.grid = 8, frames // 16
        self.positions = nn.Parameter(torch.randn(1, dim, *self.grid) * 0.02)
        self.class_token = nn.Parameter(torch.randn(1, 1, dim) * 0.02)
        layer = nn.TransformerEncoderLayer(dim, heads, 4 * dim, dropout, "gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, depth)
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, labels)

    def forward(self, x):
        """x [B,T,128] -> logits [B,K]; learned positions are cut or interpolated to the length."""
        p = self.patches(x.transpose(1, 2)[:, None])
        columns = p.shape[3]
        positions = self.positions[..., :columns]
        if columns > self.grid[1]:
            positions = nn.functional.interpolate(self.positions, (8, columns), mode="bilinear", align_corners=False)
        p = (p + positions).flatten(2).transpose(1, 2)
        z = self.encoder(torch.cat([self.class_token.expand(len(p), -1, -1), p], 1))
        return self.head(self.norm(z[:, 0]))
