"""Reading and writing checkpoints in the Hugging Face layout: config.json and model.safetensors."""
import json
import re
import struct
from pathlib import Path

import torch

_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
ADDS = ".op.out_proj.", ".mlp.fc2."  # what a block adds to its input


def read_tensors(path):
    data = Path(path).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            raw = torch.frombuffer(bytearray(data[8 + size + begin:8 + size + end]), dtype=_DTYPES[entry["dtype"]])
            tensors[name] = raw.view(entry["shape"]).float()
    return tensors


def write_tensors(path, tensors, half=False):
    """float32, or BF16 of half the size."""
    header, blobs, at = {}, [], 0
    for name in sorted(tensors):
        tensor = tensors[name].detach().float().contiguous()
        blob = (tensor.bfloat16().view(torch.int16) if half else tensor).numpy().tobytes()
        header[name] = {"dtype": "BF16" if half else "F32", "shape": list(tensors[name].shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    Path(path).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def write_model(folder, model, labels, note=None, half=False):
    """labels: display names in the order of the outputs."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    shape = model.shape
    config = {
        "model_type": "dass", "architectures": ["DASSForAudioClassification"], "patch_size": 4, "embed_dim": shape.dims[0],
        "depths": list(shape.depths), "dims": list(shape.dims), "num_classes": len(labels), "max_length": 1024, "num_mel_bins": 128,
        "drop_path_rate": shape.drop_path, "use_checkpoint": False,
        "id2label": {str(i): name for i, name in enumerate(labels)}, "label2id": {name: i for i, name in enumerate(labels)},
    }
    if note:
        config["dass_grid_note"] = note
    (folder / "config.json").write_text(json.dumps(config, indent=1, ensure_ascii=False) + "\n")
    write_tensors(folder / "model.safetensors", model.state_dict(), half)


def initialise(model, folder, labels):
    """Starts from a checkpoint of the same dims. The head is taken only when it has the same labels. Returns how many tensors were taken.

    Of a deeper model the blocks that the checkpoint lacks begin as copies of their stage's last one that add nothing yet: it computes the same.
    """
    folder = Path(folder)
    theirs, ours = read_tensors(folder / "model.safetensors"), model.state_dict()
    names = json.loads((folder / "config.json").read_text()).get("id2label") or {}
    same = [names.get(str(i)) for i in range(len(names))] == labels
    for name in ours:
        shorter = name.replace("dass.", "", 1)
        if name not in theirs and shorter in theirs:
            theirs[name] = theirs[shorter]
    for name in ours:
        if name not in theirs and (block := re.match(r"(dass\.layers\.\d+\.blocks\.)(\d+)(\..*)", name)):
            stage, number, rest = block.groups()
            if (last := theirs.get(f"{stage}{int(number) - 1}{rest}")) is not None:
                theirs[name] = torch.zeros_like(last) if rest.startswith(ADDS) else last
    taken = {name: theirs[name].view(tensor.shape) for name, tensor in ours.items()
             if name in theirs and theirs[name].numel() == tensor.numel() and (same or not name.startswith("head."))}
    missing = [name for name in ours if name not in taken and not name.startswith("head.")]
    if missing:
        raise ValueError(f"{folder} lacks {len(missing)} tensors of this shape, the first is {missing[0]}; the dims must be the checkpoint's")
    model.load_state_dict({**ours, **taken})
    return len(taken)
