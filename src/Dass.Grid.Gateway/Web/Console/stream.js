// One stream: its spectrogram and labels over time, its events, and how its thresholds would cut.
import { call, subscribe } from "./api.js";
import { figures, h, hue, loudness, meter, percent, problem, say, seconds, span, text, when } from "./ui.js";
import { Past, plot } from "./plot.js";

const Widths = [["1 min", 60], ["3 min", 180], ["10 min", 600]];

export function stream(main, [id]) {
  const past = new Past(), view = { seconds: 60, moves: true };
  const picture = plot(past, view);
  const [facts, heard, log, trouble, level, state] =
    [figures(), h("ol", { className: "bars" }), eventLog(), h("div"), meter("Level"), h("span", { className: "state" })];
  const widths = h("div", { className: "choice", role: "group", "aria-label": "Time shown" }, Widths.map(([words, length]) => h("button", {
    type: "button", "aria-pressed": `${length === view.seconds}`,
    onclick: event => {
      view.seconds = length;
      [...widths.children].forEach(each => each.setAttribute("aria-pressed", `${each === event.target}`));
      picture.redraw();
    },
  }, words)));
  const encoded = encodeURIComponent(id);
  main.append(
    h("p", { className: "small" }, h("a", { href: "#/now" }, "All streams")),
    h("div", { className: "row" }, h("h1", {}, id), state, widths),
    facts.element, trouble, picture.element,
    h("div", { className: "two" },
      h("section", { "aria-labelledby": "hears" }, h("h2", { id: "hears" }, "Hears now"), level.element, heard),
      h("section", { "aria-labelledby": "log" }, h("h2", { id: "log" }, "Events"), log.element,
        h("p", { className: "small" }, h("a", { href: `#/events?stream=${encoded}` }, "All kept events of this stream")))));
  level.element.hidden = true;

  text(state, "Asking the grid …");
  let [end, gone, rate, next, first] = [() => {}, false, 16_000, 0, null];
  begin();

  async function begin() {
    try {
      const info = await call(`/v1/streams/${encoded}?filter.top=0`);
      if (gone) {
        return;
      }
      rate = info.format?.sampleRateHz || rate;
      const chunk = seconds(info.chunk) || 0.96;
      next = Math.max(0, Number(info.summary?.chunks ?? 0) - Math.ceil(600 / chunk));
      show(info);
      picture.rules(info.events ?? {}, info.labelEvents ?? []);
      trouble.replaceChildren();
      if (info.entry.state === "STREAM_STATE_ENDED") {
        view.moves = false;
      }
      end = subscribe(() => `stream_id=${encoded}&from_chunk=${next}&top=16&spectrogram=true`, on);
    } catch (error) {
      trouble.replaceChildren(problem(error));
      if (!gone && error.status !== 404) {
        setTimeout(begin, 3000);
      }
    }
  }

  function show(info) {
    const format = info.format;
    facts.set({
      Model: info.entry.model,
      Audio: format ? `${(format.sampleRateHz / 1000).toFixed(format.sampleRateHz % 1000 ? 1 : 0)} kHz × ${format.channels}` : "–",
      Begun: when(Date.parse(info.entry.begun)),
    });
    setState(info.entry.state === "STREAM_STATE_ENDED" ? ["ended", "soft"] : ["live", "good"]);
  }

  function setState([words, tone]) {
    text(state, words);
    state.dataset.tone = tone;
  }

  function on(kind, message) {
    if (kind === "tags") {
      const { tags } = message;
      past.add(tags);
      next = Number(tags.chunk) + 1;
      facts.set({ "Stream time": span(tags.endSeconds) });
      if (tags.level) {
        level.element.hidden = false;
        level.set(loudness(tags.level.rmsDbfs), `${tags.level.rmsDbfs.toFixed(0)} dBFS`, tags.level.clippedShare > 0.001 ? "bad" : "");
      }
      showBars(heard, tags.chunkScores);
      log.add(tags.events, performance.now() - opened > 3000);
    } else if (kind === "gap") {
      past.gaps.push({ from: message.gap.fromSample / rate, to: message.gap.toSample / rate });
      past.mark(message.gap.events);
      next = Number(message.gap.nextChunk);
      trouble.replaceChildren(problem({ message: `A gap of ${span((message.gap.toSample - message.gap.fromSample) / rate)}: ${message.gap.reason}` }));
    } else if (kind === "events") {
      past.mark(message.events.events);
      log.add(message.events.events, true);
    } else if (kind === "ended") {
      past.mark(message.ended.events);
      log.add(message.ended.events, true);
      view.moves = false;
      picture.redraw();
      setState(["ended", "soft"]);
      end();
    } else if (kind === "newModel") {
      past.mark(message.newModel.events);
      log.add(message.newModel.events, true);
      facts.set({ Model: message.newModel.model.name });
    } else if (kind === "subscribed") {
      trouble.replaceChildren();
      first ??= message.subscribed.captureTime;
      if (first !== message.subscribed.captureTime) {
        dispatchEvent(new Event("hashchange")); // the stream has been begun again under its name: so does the view
      }
    } else if (kind === "refused") {
      trouble.replaceChildren(problem(message));
    }
  }

  const opened = performance.now();
  return () => {
    gone = true;
    end();
    picture.end();
  };
}

/** The strongest labels as bars. */
export function showBars(list, scores, most = 8) {
  const strong = scores.slice(0, most);
  while (list.children.length > strong.length) {
    list.lastChild.remove();
  }
  strong.forEach(({ name, score }, i) => {
    const item = list.children[i] ?? list.appendChild(h("li", {}, h("span"), h("i", { "aria-hidden": "true" }), h("span", { className: "soft small" })));
    text(item.children[0], name);
    item.style.setProperty("--score", score);
    item.style.setProperty("--hue", hue(name));
    text(item.children[2], percent(score));
  });
}

/** The events of a stream, newest first, each in one line from its opening to its close. */
export function eventLog(most = 12) {
  const element = h("ol", { className: "log" }), lines = new Map();
  const empty = h("li", { className: "soft" }, "None yet");
  element.append(empty);
  return {
    element,
    add(events, isNew) {
      for (const event of events ?? []) {
        empty.remove();
        let line = lines.get(event.id);
        if (!line) {
          line = h("li", { "data-id": event.id }, h("span", {}, h("span", { className: "dot", "--hue": hue(event.label) }), h("b", {}, event.label)), h("span", { className: "soft" }));
          lines.set(event.id, line);
          element.prepend(line);
          if (isNew && event.kind === "EVENT_KIND_OPENED") {
            say(`${event.label} begins`);
          }
          if (element.children.length > most) {
            lines.delete(element.lastChild.dataset.id);
            element.lastChild.remove();
          }
        }
        const open = event.kind !== "EVENT_KIND_CLOSED";
        text(line.children[1],
          `${span(event.onsetSeconds)}, ${open ? `for ${span(event.offsetSeconds - event.onsetSeconds)} so far` : `${span(event.offsetSeconds - event.onsetSeconds)} long`}, peak ${percent(event.peakScore)}`);
      }
    },
  };
}
