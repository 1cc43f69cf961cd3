// All streams: what each hears, how loud it is, how late its tags are, and whether its source has fallen silent.
import { now as time, pages, subscribe } from "./api.js";
import { chip, figures, fit, h, hue, loudness, meter, problem, seconds, span, text } from "./ui.js";

const Shown = 100, Silent = 8, Strip = 90; // streams at first; s without tags beyond a chunk; chunks

export function now(main) {
  const streams = new Map();
  const [totals, list, empty, more, trouble] = [
    figures(),
    h("ul", { className: "streams", "aria-label": "Streams" }),
    h("div", { className: "card empty" }, "Asking the grid …"),
    h("button", { type: "button", hidden: true, onclick: () => { limit += Shown; draw(); } }, "Show more"),
    h("div"),
  ];
  const search = h("input", { type: "search", placeholder: "Name or sound", oninput: () => draw() });
  let [limit, listed] = [Shown, false];
  main.append(
    h("div", { className: "row" }, h("h1", {}, "Now"), h("label", {}, h("span", { className: "unseen" }, "Find a stream"), search)),
    totals.element, trouble, list, empty, more);

  const of = id => {
    if (!streams.has(id)) {
      streams.set(id, { id, state: "STREAM_STATE_LIVE", hears: [], strip: [], heard: 0, row: null });
    }
    return streams.get(id);
  };

  let asking = false; // a gateway that is slow is not asked again before it has answered
  async function refresh() {
    if (asking) {
      return;
    }
    asking = true;
    try {
      const here = new Set();
      for await (const page of pages("/v1/streams?page_size=1000", { most: 3 })) {
        for (const entry of page.streams) {
          const stream = of(entry.streamId);
          here.add(entry.streamId);
          Object.assign(stream, { state: entry.state, health: entry.health });
          if (!stream.hears.length) {
            stream.hears = entry.health?.top ?? [];
          }
        }
      }
      for (const id of streams.keys()) {
        if (!here.has(id)) {
          streams.delete(id);
        }
      }
      listed = true;
      trouble.replaceChildren();
    } catch (error) {
      if (listed === false) {
        trouble.replaceChildren(problem(error));
      }
    } finally {
      asking = false;
    }
    draw();
  }

  const end = subscribe(() => "all_streams=true&top=4", (kind, message) => {
    const stream = message.streamId && of(message.streamId); // also of a stream that has just begun
    if (kind === "tags") {
      const { tags } = message;
      Object.assign(stream, {
        state: "STREAM_STATE_LIVE", heard: time(), hears: tags.chunkScores, level: tags.level, chunk: tags.endSeconds - tags.startSeconds,
      });
      stream.strip.push({ best: tags.chunkScores[0], level: tags.level });
      if (stream.strip.length > Strip) {
        stream.strip.shift();
      }
      stream.isFresh = true;
    } else if (kind === "ended") {
      stream.state = "STREAM_STATE_ENDED";
    } else if (kind === "refused") {
      trouble.replaceChildren(problem(message));
    }
  });

  /** From the audio's arrival to its tags, s; null: not known. */
  const delay = stream => stream.health?.delay ? seconds(stream.health.delay) : null;

  function judge(stream) {
    const last = Math.max(stream.heard, Date.parse(stream.health?.lastAudio ?? "") || 0), quiet = (time() - last) / 1000;
    return stream.state === "STREAM_STATE_ENDED" ? ["ended", "soft"]
      : last && quiet > Silent + (stream.chunk ?? 0) ? [`${stream.health?.attached === false ? "no client" : "no audio"} for ${span(quiet)}`, "warn"]
      : !last ? [stream.health ? "waiting for audio" : "asleep", "soft"]
      : delay(stream) > 3 ? ["late", "bad"]
      : ["live", "good"];
  }

  function row(stream) {
    if (!stream.row) {
      const parts = {
        state: h("span", { className: "state" }),
        hears: h("div", { className: "hears" }),
        strip: h("canvas", { className: "strip", "aria-hidden": "true" }),
        level: meter("Level"),
        delay: h("span", { className: "delay" }),
      };
      parts.level.element.classList.add("level");
      parts.element = h("li", {},
        h("span", { className: "name" }, h("a", { href: `#/stream/${encodeURIComponent(stream.id)}`, title: stream.id }, stream.id)),
        parts.state, parts.hears, parts.strip, parts.level.element, parts.delay);
      stream.row = parts;
    }
    return stream.row;
  }

  function fill(stream) {
    const parts = row(stream), [words, tone] = judge(stream);
    text(parts.state, words);
    parts.state.dataset.tone = tone;
    const strong = stream.hears.filter(label => label.score >= 0.1).slice(0, 3);
    const said = strong.map(label => `${label.name} ${label.score.toFixed(2)}`).join();
    if (parts.said !== said) {
      parts.said = said;
      parts.hears.replaceChildren(...strong.length
        ? strong.map(label => chip(label.name, label.score))
        : [h("span", { className: "soft small" }, stream.heard ? "nothing it knows" : "")]);
    }
    const level = stream.level ?? stream.health?.level;
    level
      ? parts.level.set(loudness(level.rmsDbfs), `${level.rmsDbfs.toFixed(0)} dBFS`, level.clippedShare > 0.001 ? "bad" : "")
      : parts.level.set(0, "");
    parts.level.element.hidden = !level;
    const late = delay(stream);
    text(parts.delay, late === null ? "" : `${late.toFixed(2)} s delay`);
  }

  // Each chunk a bar: its colour the strongest label, its height that label's score.
  function drawStrip(canvas, strip) {
    const { context, width, height } = fit(canvas), wide = width / Strip;
    strip.forEach(({ best, level }, i) => {
      const x = width - (strip.length - i) * wide;
      if (level) {
        context.globalAlpha = 0.18;
        context.fillStyle = "#7f8b95";
        const tall = loudness(level.rmsDbfs) * height;
        context.fillRect(x, height - tall, wide, tall);
      }
      if (best) {
        context.globalAlpha = 0.9;
        context.fillStyle = hue(best.name);
        context.fillRect(x, height - best.score * height, Math.max(1, wide - 0.4), best.score * height);
      }
    });
    context.globalAlpha = 1;
  }

  const rank = { warn: 0, bad: 0, good: 1, soft: 2 };

  function draw() {
    const wanted = search.value.trim().toLowerCase();
    const all = [...streams.values()];
    const live = all.filter(stream => stream.state !== "STREAM_STATE_ENDED");
    const delays = live.map(delay).filter(late => late !== null);
    totals.set({
      "Live streams": `${live.length}`,
      "Without audio": (count => [`${count}`, count ? "warn" : ""])(live.filter(stream => judge(stream)[1] === "warn").length),
      "Longest delay": delays.length ? `${Math.max(...delays).toFixed(2)} s` : "–",
    });
    const found = all
      .filter(stream => !wanted || stream.id.toLowerCase().includes(wanted)
        || stream.hears.some(label => label.score >= 0.1 && label.name.toLowerCase().includes(wanted)))
      .sort((a, b) => rank[judge(a)[1]] - rank[judge(b)[1]] || a.id.localeCompare(b.id));
    const visible = found.slice(0, limit);
    visible.forEach(fill);
    const rows = visible.map(stream => stream.row.element);
    if (rows.length !== list.children.length || rows.some((each, i) => each !== list.children[i])) {
      const focused = document.activeElement;
      list.replaceChildren(...rows);
      if (list.contains(focused)) {
        focused.focus({ preventScroll: true });
      }
    }
    // After all texts: the sizes that canvases ask for are worked out once.
    for (const stream of visible) {
      const { strip } = stream.row;
      if (strip.clientWidth > 0 && (stream.isFresh || strip.width === 0 || strip.dataset.wide !== `${strip.clientWidth}`)) {
        drawStrip(strip, stream.strip);
        strip.dataset.wide = strip.clientWidth;
        stream.isFresh = false;
      }
    }
    more.hidden = found.length <= limit;
    list.hidden = !rows.length;
    empty.hidden = rows.length > 0;
    if (!empty.hidden && listed) {
      empty.replaceChildren(...wanted
        ? [h("strong", {}, "No stream fits"), `None of ${all.length} has “${search.value}” in its name or hears it.`]
        : [h("strong", {}, "No stream is live"), "Feed one with dass stream, or ", h("a", { href: "#/try" }, "try it with this microphone"), "."]);
    }
  }

  refresh();
  const timers = [setInterval(refresh, 5000), setInterval(draw, 500)];
  return () => {
    timers.forEach(clearInterval);
    end();
  };
}
