// One stream over time: spectrogram, strip of its strongest labels with event bars, and the score of one label against a threshold.
import { calm, fit, h, huesOf, loudness, percent, span, text } from "./ui.js";

const Bins = 32, ColumnsPerSecond = 10, Kept = 660, Rows = 8; // s of the past; labels

const colours = ramp(["#0c1116", "#17304a", "#1c6378", "#3fa796", "#b9d98a", "#fff3c4"]);

function ramp(stops) {
  const rgb = stops.map(stop => [1, 3, 5].map(i => Number.parseInt(stop.slice(i, i + 2), 16)));
  return Array.from({ length: 256 }, (_, i) => {
    const at = i / 255 * (rgb.length - 1), low = Math.min(rgb.length - 2, Math.floor(at));
    return rgb[low].map((channel, c) => Math.round(channel + (rgb[low + 1][c] - channel) * (at - low)));
  });
}

/** The past of a stream as far as it is shown: chunks by index, events by id, gaps, and the spectrogram as a picture that goes round. */
export class Past {
  chunks = [];
  events = new Map();
  gaps = [];
  picture = new OffscreenCanvas(Kept * ColumnsPerSecond, Bins);
  columns = { from: 0, to: 0 };
  end = 0;      // s of stream time
  arrived = 0;  // when the end came
  #draw = this.picture.getContext("2d");

  add(tags) {
    const last = this.chunks.at(-1);
    if (last && Number(tags.chunk) <= last.index) {
      return;
    }
    this.chunks.push({
      index: Number(tags.chunk), start: tags.startSeconds, end: tags.endSeconds, lost: tags.lostSeconds,
      scores: new Map(tags.chunkScores.map(label => [label.name, label.score])), level: tags.level,
    });
    while (this.chunks[0].end < tags.endSeconds - Kept) {
      this.chunks.shift();
    }
    [this.end, this.arrived] = [tags.endSeconds, performance.now()];
    this.mark(tags.events);
    if (tags.spectrogram) {
      this.#paint(tags.startSeconds, Uint8Array.from(atob(tags.spectrogram), letter => letter.charCodeAt(0)));
    }
  }

  mark(events) {
    for (const event of events ?? []) {
      this.events.set(event.id, event);
      if (this.events.size > 500) {
        this.events.delete(this.events.keys().next().value);
      }
    }
  }

  #paint(start, bytes) {
    const width = bytes.length / Bins, first = Math.round(start * ColumnsPerSecond);
    if (width < 1) {
      return;
    }
    const pixels = new ImageData(width, Bins);
    for (let x = 0; x < width; x++) {
      for (let bin = 0; bin < Bins; bin++) {
        // Of the 100 dB, rooms and voices fill those between -85 and -20.
        const shade = Math.max(0, Math.min(255, Math.round((bytes[x * Bins + bin] - 38) * 1.54)));
        pixels.data.set([...colours[shade], 255], 4 * ((Bins - 1 - bin) * width + x));
      }
    }
    const place = first % this.picture.width;
    this.#draw.putImageData(pixels, place, 0);
    this.#draw.putImageData(pixels, place - this.picture.width, 0); // what goes beyond the edge begins at the other
    this.columns = {
      from: this.columns.to ? Math.max(this.columns.from, first + width - this.picture.width) : first,
      to: first + width,
    };
  }

  /** The labels that were strongest between two times, those that are shown already first. */
  labels(from, to, shown) {
    const peaks = new Map();
    for (const chunk of this.chunks) {
      if (chunk.end > from && chunk.start < to) {
        for (const [name, score] of chunk.scores) {
          peaks.set(name, Math.max(peaks.get(name) ?? 0, score));
        }
      }
    }
    for (const event of this.events.values()) {
      if (event.offsetSeconds > from && event.onsetSeconds < to) {
        peaks.set(event.label, Math.max(peaks.get(event.label) ?? 0, 1 + event.peakScore)); // what counts as an event has a row
      }
    }
    const best = [...peaks].filter(([, peak]) => peak >= 0.05).sort((a, b) => b[1] - a[1]).slice(0, Rows).map(([name]) => name);
    return [...shown.filter(name => best.includes(name)), ...best.filter(name => !shown.includes(name))];
  }
}

/**
 * The picture of a past. It draws while it is in the document.
 * @param {Past} past
 * @param {{ seconds: number, moves: boolean }} view how much of it, and whether time goes on
 */
export function plot(past, view) {
  const canvas = (name, label) => h("canvas", { className: name, role: "img", "aria-label": label });
  const spectrum = canvas("spectrum", "Spectrogram, newest on the right");
  const rows = canvas("rows", "Scores and events of the strongest labels over time; the lists of this page say the same");
  const graph = canvas("graph", "Score of the chosen label against the threshold");
  const axis = canvas("axis", "Time in the stream");
  axis.setAttribute("aria-hidden", "true");
  const names = h("div", { className: "names", role: "group", "aria-label": "Label for the threshold" });
  const threshold = h("input", { type: "range", min: 0.05, max: 0.95, step: 0.01, value: 0.5 });
  const verdict = h("span", { className: "small" });
  const title = h("span", { className: "side" });
  const alarm = h("span", { className: "danger" }); // its colour is the threshold's
  let [shown, chosen, frame, drawn] = [[], null, 0, -1];
  let inks = new Map(); // of the shown labels

  const element = h("div", {},
    h("div", { className: "plot" },
      h("span", { className: "side" }, "Spectrum"), spectrum, names, rows, title, graph, alarm, axis),
    h("div", { className: "row filters" },
      h("label", {}, "Threshold", threshold),
      h("p", { className: "soft", role: "note" }, verdict)));
  // Where the stream's own rule for the chosen label is, until a person moves it.
  let [rules, moved] = [null, false];
  threshold.addEventListener("input", () => { drawn = -1; moved = true; });

  function choose(name) {
    chosen = name;
    if (!moved && rules) {
      threshold.value = `${(rules.byLabel.get(name) ?? rules.all).on ?? 0.5}`;
    }
    drawn = -1;
  }

  function nameRows() {
    const focused = names.contains(document.activeElement) ? document.activeElement.title : null;
    inks = huesOf(shown);
    names.replaceChildren(...shown.map(name => h("button", {
      type: "button", title: name, "aria-pressed": `${name === chosen}`,
      onclick: () => {
        choose(name);
        nameRows();
        drawn = -1;
      },
    }, h("span", { className: "dot", "--hue": inks.get(name) }), h("span", {}, name))));
    [...names.children].find(each => each.title === focused)?.focus({ preventScroll: true });
  }

  function draw() {
    frame = requestAnimationFrame(draw);
    // Between two chunks time goes on, unless the reader wants nothing to move.
    const since = (performance.now() - past.arrived) / 1000;
    const edge = view.moves && !calm.matches && past.arrived ? past.end + Math.min(since, 2.5) : past.end;
    if (edge === drawn || !element.isConnected || spectrum.clientWidth === 0) {
      return;
    }
    drawn = edge;
    const to = Math.max(edge, view.fills ? 0.01 : view.seconds), from = view.fills ? 0 : to - view.seconds;
    const labels = past.labels(from, to, shown);
    if (labels.join("\n") !== shown.join("\n")) {
      shown = labels;
      if (!shown.includes(chosen)) {
        choose(shown[0] ?? null);
      }
      nameRows();
    }
    const ink = getComputedStyle(element).color;
    const width = spectrum.clientWidth, x = seconds => (seconds - from) / (to - from) * width;
    drawSpectrum(x, from, to);
    drawRows(x, from, to);
    drawGraph(x, from, to, ink);
    drawAxis(x, from, to, ink);
    for (const each of [spectrum, rows]) {
      drawGaps(each, x);
    }
    text(title, chosen ?? "");

    function drawSpectrum() {
      const { context, height } = fit(spectrum);
      context.imageSmoothingQuality = "high";
      const picture = past.picture, first = Math.max(past.columns.from, Math.floor(from * ColumnsPerSecond));
      const last = Math.min(past.columns.to, Math.ceil(to * ColumnsPerSecond));
      for (let column = first; column < last;) {
        const place = column % picture.width, count = Math.min(last - column, picture.width - place);
        const left = x(column / ColumnsPerSecond);
        context.drawImage(picture, place, 0, count, Bins, left, 0, x((column + count) / ColumnsPerSecond) - left, height);
        column += count;
      }
      if (past.columns.to === 0) {
        drawLevels(context, height);
      }
    }

    // Of a gateway that sends no spectrogram, how loud the chunks are.
    function drawLevels(context, height) {
      context.fillStyle = "#3fa796";
      for (const chunk of past.chunks) {
        if (chunk.level && chunk.end > from) {
          const tall = loudness(chunk.level.rmsDbfs) * height;
          context.fillRect(x(chunk.start), height - tall, Math.max(1, x(chunk.end) - x(chunk.start) - 1), tall);
        }
      }
    }

    function drawRows() {
      const { context, height } = fit(rows), tall = height / Rows;
      shown.forEach((name, row) => {
        context.fillStyle = inks.get(name);
        for (const chunk of past.chunks) {
          const score = chunk.scores.get(name) ?? 0;
          if (chunk.end > from && score > 0.02) {
            context.globalAlpha = 0.08 + 0.8 * score;
            context.fillRect(x(chunk.start), row * tall + 3, Math.max(1, x(chunk.end) - x(chunk.start) - 0.5), tall - 11);
          }
        }
        context.globalAlpha = 1;
        for (const event of past.events.values()) {
          if (event.label === name && event.offsetSeconds > from) {
            const left = x(event.onsetSeconds), right = x(event.kind === "EVENT_KIND_CLOSED" ? event.offsetSeconds : edge);
            context.beginPath();
            context.roundRect(left, (row + 1) * tall - 7, Math.max(3, right - left), 4, 2);
            context.fill();
          }
        }
      });
    }

    function drawGraph() {
      const { context, height } = fit(graph), limit = Number(threshold.value);
      const y = score => height - 4 - score * (height - 8);
      context.strokeStyle = ink;
      context.globalAlpha = 0.14;
      for (const score of [0, 0.5, 1]) {
        context.strokeRect(0, y(score), width, 0);
      }
      context.globalAlpha = 1;
      let [above, stretches, was] = [0, 0, false];
      if (chosen) {
        context.fillStyle = inks.get(chosen);
        for (const chunk of past.chunks) {
          const score = chunk.scores.get(chosen) ?? 0;
          if (chunk.end > from && chunk.start < to) {
            context.globalAlpha = score >= limit ? 0.85 : 0.3;
            context.fillRect(x(chunk.start), y(score), Math.max(1, x(chunk.end) - x(chunk.start) - 0.5), height - 4 - y(score));
            stretches += score >= limit && !was ? 1 : 0;
            above += score >= limit ? chunk.end - chunk.start : 0;
            was = score >= limit;
          }
        }
        context.globalAlpha = 1;
      }
      context.strokeStyle = getComputedStyle(alarm).color;
      context.setLineDash([5, 4]);
      context.beginPath();
      context.moveTo(0, y(limit));
      context.lineTo(width, y(limit));
      context.stroke();
      context.setLineDash([]);
      text(verdict, chosen
        ? `${chosen} is at or above ${percent(limit)} for ${span(above)} of ${span(Math.min(past.end, to - from))}, in ${stretches} ${stretches === 1 ? "stretch" : "stretches"}.`
        : "No label is strong enough to show.");
    }

    function drawAxis() {
      const { context } = fit(axis);
      context.fillStyle = ink;
      context.globalAlpha = 0.7;
      context.font = "11px system-ui, sans-serif";
      const step = [1, 2, 5, 10, 15, 30, 60, 120, 300].find(each => (to - from) / each <= width / 62) ?? 600;
      for (let tick = Math.ceil(from / step) * step; tick <= to; tick += step) {
        const words = tick < 60 ? `${tick} s` : `${Math.floor(tick / 60)}:${String(tick % 60).padStart(2, "0")}`;
        const half = context.measureText(words).width / 2;
        context.fillRect(x(tick), 0, 1, 4);
        context.fillText(words, Math.max(0, Math.min(width - 2 * half, x(tick) - half)), 16);
      }
    }
  }

  function drawGaps(canvas, x) {
    const context = canvas.getContext("2d");
    for (const gap of past.gaps) {
      const [left, right] = [x(gap.from), Math.max(x(gap.from) + 3, x(gap.to))];
      context.save();
      context.beginPath();
      context.rect(left, 0, right - left, canvas.clientHeight);
      context.clip();
      context.fillStyle = "#0c111666";
      context.fillRect(left, 0, right - left, canvas.clientHeight);
      context.strokeStyle = "#f4938a";
      for (let at = left - canvas.clientHeight; at < right; at += 7) {
        context.beginPath();
        context.moveTo(at, canvas.clientHeight);
        context.lineTo(at + canvas.clientHeight, 0);
        context.stroke();
      }
      context.restore();
    }
  }

  draw();
  return {
    element,
    redraw: () => { drawn = -1; },
    /** @param {{ on?: number }} all @param {{ label: string, rule: { on?: number } }[]} byLabel when sounds of the stream are events */
    rules: (all, byLabel) => {
      rules = { all, byLabel: new Map(byLabel.map(own => [own.label, own.rule])) };
      choose(chosen);
    },
    end: () => cancelAnimationFrame(frame),
  };
}
