"""From data to checkpoint: python3 -m dass_training --data clips.csv --out DIR. See README.md beside this package."""
import argparse
import csv
import json
import pickle
from pathlib import Path

import torch

from . import bank, checkpoint, judge, sounds
from .fit import fit
from .model import Dass, Shape
from .scenes import Scenes
from .teacher import Teacher


def numbers(text):
    return tuple(int(n) for n in text.split("-"))


def arguments():
    parser = argparse.ArgumentParser(prog="dass_training", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", action="append", required=True, help="CSV file,labels[,onset,offset][,fold]; may be given several times")
    parser.add_argument("--out", required=True, help="folder of the checkpoint and its figures")
    parser.add_argument("--validate", type=int, default=4, help="fold that is judged and not learnt")
    parser.add_argument("--made", type=int, default=60, help="made sounds per label; 0 for none")
    parser.add_argument("--babble", help="recording of babble; its first 8 s are learnt")
    parser.add_argument("--dims", type=numbers, default=(32, 64, 128, 256))
    parser.add_argument("--depths", type=numbers, default=(1, 1, 2, 1))
    parser.add_argument("--init", help="folder of a checkpoint to start from, a published one or an earlier run's; dims and depths must be its own")
    parser.add_argument("--rate", type=float, default=8e-4, help="highest learning rate; at 2e-3 a student of the default size collapses")
    parser.add_argument("--steps", type=int, default=1500, help="of the student, each 82 s of scenes")
    parser.add_argument("--teacher-steps", type=int, default=500, help="0 trains without distillation")
    parser.add_argument("--distillation", default="kldiv", choices=["kldiv", "bce", "l2", "cosine"])
    parser.add_argument("--weight", type=float, default=0.5, help="of the distillation")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--stream-share", type=float, default=0.3, help="of the batches run in chunks with carried state")
    parser.add_argument("--endless", type=float, default=0.3, help="share of scenes over a bed that never stops; some streams last 20 s")
    parser.add_argument("--quietest", type=float, default=-60.0, help="level of the quietest scenes, dB of full scale")
    parser.add_argument("--favour", type=float, default=4.0, help="how much more often sounds of the data are drawn than made ones")
    parser.add_argument("--without", action="store_true", help="also train a student without distillation, to compare")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2, help="that share each batch, one thread each")
    parser.add_argument("--note", help="what the program says when it uses the model")
    return parser.parse_args()


def gather(options, out):
    """The bank, kept in the folder: decoding and making take minutes."""
    kept = out / "bank.pickle"
    if not kept.exists():
        given = [s for path in options.data for s in bank.read(path)]
        made = bank.make(options.made, options.seed) if options.made else []
        if options.babble:
            made += bank.babble_file(options.babble, seconds=8, pieces=20, seed=options.seed)
        kept.write_bytes(pickle.dumps((given, made)))
    return pickle.loads(kept.read_bytes())


def credit(options, folder):
    """Who made the recordings that were learnt: whatever ships the model ships this list."""
    columns = ["file", "source_title", "source_url", "author", "license"]
    with open(folder / "credits.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        rows.writeheader()
        for path in options.data:
            with open(path, newline="", encoding="utf-8") as lines:
                rows.writerows(row for row in csv.DictReader(lines) if int(row.get("fold") or 0) != options.validate)


def main():
    options = arguments()
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    given, made = gather(options, out)
    hard = sorted({label for s in given for label in s.labels})
    easy = sorted({label for s in made for label in s.labels} - set(hard))
    labels = hard + easy + ([sounds.SILENCE] if made else [])
    learnt = [s for s in given + made if s.fold != options.validate]
    unheard = [s for s in given if s.fold == options.validate]
    scenes = Scenes(learnt, labels, hard, options.favour, options.endless, options.quietest)
    judged = Scenes([s for s in given + made if s.fold == options.validate], labels, hard, options.favour)
    print(f"{len(learnt)} sounds to learn, {len(unheard)} clips and {len(judged.by_label)} labels to judge, {len(labels)} labels", flush=True)

    def figures(model):
        found = {"top1": judge.top1(judge.clip_logits(model, unheard), unheard, labels, hard), "map": judge.scene_map(model, judged, 7)}
        if hasattr(model, "stream"):
            found["top1_streaming"] = judge.top1(judge.clip_logits(model, unheard, 96, 64), unheard, labels, hard)
            found["map_streaming"] = judge.scene_map(model, judged, 7, chunk=96, look_ahead=64)
        return found

    def keep(name, model):
        checkpoint.write_model(out / name, model, labels, options.note)
        credit(options, out / name)
        results[name] = figures(model)
        print(name, results[name], flush=True)

    def report(text, model):
        print(text, f"top-1 {judge.top1(judge.clip_logits(model, unheard), unheard, labels, hard):.3f}", flush=True)

    def student(teacher):
        torch.manual_seed(options.seed)
        model = Dass(Shape(options.dims, options.depths, len(labels)))
        if options.init:
            print(f"{checkpoint.initialise(model, options.init, labels)} tensors from {options.init}")
        return fit(model, scenes, options.steps, options.seed, options.rate, stream_share=options.stream_share, teacher=teacher, weight=options.weight,
                   kind=options.distillation, temperature=options.temperature, processes=options.processes, report=report, course=not options.init)

    results, teacher = {}, None
    if options.teacher_steps:
        kept = out / "teacher.pt"
        teacher = Teacher(len(labels))
        if kept.exists():
            teacher.load_state_dict(torch.load(kept))
            teacher.eval()
        else:
            torch.manual_seed(options.seed)
            teacher = fit(Teacher(len(labels)), scenes, options.teacher_steps, options.seed + 1, rate=4e-4, processes=options.processes, report=report, course=True)
            torch.save(teacher.state_dict(), kept)
        results["teacher"] = figures(teacher)
        print("teacher", results["teacher"], flush=True)
    keep("distilled" if teacher else "alone", student(teacher))
    if teacher and options.without:
        keep("alone", student(None))
    (out / "figures.json").write_text(json.dumps({"options": vars(options), "labels": labels, "figures": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
