"""What the student learns from: the labels and the teacher's logits on the same mixed and masked input."""
import torch
import torch.nn.functional as F


def distillation(kind, student, teacher, temperature=1.0):
    """Logits [B,K]. `kldiv` is KL(softmax(teacher / T) || softmax(student)), summed over labels, mean over the batch."""
    if kind == "kldiv":
        return F.kl_div(F.log_softmax(student, 1), F.softmax(teacher / temperature, 1), reduction="batchmean")
    if kind == "bce":
        return F.binary_cross_entropy_with_logits(student, torch.sigmoid(teacher / temperature))
    if kind == "l2":
        return F.mse_loss(student, teacher)
    if kind == "cosine":
        return 1 - torch.sigmoid(F.cosine_similarity(student, teacher, dim=1)).mean()
    raise ValueError(f"distillation is '{kind}'; kldiv, bce, l2 or cosine")


def tagging(logits, targets, smoothing=0.01):
    return F.binary_cross_entropy_with_logits(logits, targets * (1 - 2 * smoothing) + smoothing)


def lesson(kind, student, teacher, spread):
    """Logits [...,527]. `logits`: squared error in units of each label's `spread`, more where the teacher hears something, and BCE."""
    if kind == "kldiv":
        return F.kl_div(F.log_softmax(student, -1), F.softmax(teacher, -1), reduction="none").sum(-1).mean()
    p = torch.sigmoid(teacher)
    return (((student - teacher) / (spread + 0.5)) ** 2 * (1 + 8 * p)).mean() + 8 * F.binary_cross_entropy_with_logits(student, p)
