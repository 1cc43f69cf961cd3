"""Teacher and student as the audio gets longer: each unheard clip in the middle of white noise 20 dB below it. run lengths --run DIR, after a run with a teacher."""
import argparse
import json
import pickle
from pathlib import Path

import numpy as np
import torch

from . import checkpoint, features, judge
from .model import Dass, Shape
from .sounds import RATE
from .teacher import Teacher

BELOW_DB = 20.0


def hidden(sound, seconds, seed):
    """The clip at its own level in noise of this length, centred."""
    noise = np.random.default_rng(seed).standard_normal(int(seconds * RATE)).astype(np.float32)
    clip = sound.wave[: len(noise)]
    level = np.sqrt(np.mean(clip[clip != 0] ** 2)) if np.any(clip) else 0.0
    wave = noise * np.float32(level * features.decibels(-BELOW_DB))
    at = (len(wave) - len(clip)) // 2
    wave[at:at + len(clip)] += clip
    return torch.from_numpy(np.pad(wave, (0, max(0, features.FRAME - len(wave)))))


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--run", required=True, help="folder that a run with --teacher-steps left")
    parser.add_argument("--lengths", default="5,10,20,40,80", help="seconds")
    options = parser.parse_args()
    run = Path(options.run)
    kept = json.loads((run / "figures.json").read_text())
    labels, used = kept["labels"], kept["options"]
    given, _ = pickle.loads((run / "bank.pickle").read_bytes())
    sounds = [s for s in given if s.fold == used["validate"]]
    among = sorted({label for s in given for label in s.labels})
    teacher = Teacher(len(labels))
    teacher.load_state_dict(torch.load(run / "teacher.pt"))
    student = Dass(Shape(tuple(used["dims"]), tuple(used["depths"]), len(labels)))
    checkpoint.initialise(student, run / "distilled", labels)
    columns = [labels.index(label) for label in among]
    wanted = np.array([[label in s.labels for label in among] for s in sounds], float)
    print("seconds,model,top1,map", flush=True)
    for seconds in (float(text) for text in options.lengths.split(",")):
        for name, model in (("teacher", teacher.eval()), ("student", student.eval())):
            logits = np.stack([model(features.log_mel(hidden(s, seconds, i)[None]))[0].numpy() for i, s in enumerate(sounds)])
            print(f"{seconds:g},{name},{judge.top1(logits, sounds, labels, among):.3f},{judge.mean_average_precision(logits[:, columns], wanted):.3f}", flush=True)


if __name__ == "__main__":
    main()
