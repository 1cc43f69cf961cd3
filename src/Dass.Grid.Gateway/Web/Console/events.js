// The events that the grid keeps: newest first, by label, stream and time; when which label is heard; and as files.
import { call, now, pages } from "./api.js";
import { h, hue, percent, problem, seconds, span, text, when } from "./ui.js";

const Ranges = [["1 hour", 1], ["24 hours", 24], ["7 days", 168]];
const PageEvents = 1000, MostPages = 5, Shown = 100, HeatLabels = 15;

export function events(main, _, query) {
  const lines = new Map();
  let [hours, limit, kept, isAll, alive, round, asking, cell] = [24, Shown, [], true, true, 0, false, null];
  const labels = h("datalist", { id: "labels" });
  const [label, stream, peak] = [
    h("input", { type: "search", list: "labels", placeholder: "any", oninput: () => soon() }),
    h("input", { type: "search", placeholder: "any, or the beginning", value: query.get("stream") ?? "", oninput: () => soon() }),
    h("input", { type: "range", min: 0, max: 0.95, step: 0.05, value: 0, oninput: () => soon() }),
  ];
  label.setAttribute("list", "labels");
  const peakWords = h("span", {}, "Peak at least 0.00");
  const ranges = h("div", { className: "choice", role: "group", "aria-label": "Time" }, Ranges.map(([words, length]) => h("button", {
    type: "button", "aria-pressed": `${length === hours}`,
    onclick: event => {
      hours = length;
      [...ranges.children].forEach(each => each.setAttribute("aria-pressed", `${each === event.target}`));
      load();
    },
  }, words)));
  const [count, heat, body, trouble, files] = [h("p", { className: "lead", role: "status" }), h("div", { className: "wide card", tabIndex: 0, role: "region", "aria-label": "Events by label and hour" }), h("tbody"), h("div"), h("div", { className: "row" })];
  const more = h("button", { type: "button", hidden: true, onclick: () => { limit += Shown; draw(); } }, "Show more");
  const empty = h("div", { className: "card empty", hidden: true }, h("strong", {}, "No events"), "Nothing that was heard in this time fits. Quiet is a result, too.");
  const table = h("table", { className: "events-table", hidden: true },
    h("thead", {}, h("tr", {}, ["Time", "Sound", "Stream", "Length", "Peak"].map(name => h("th", { scope: "col", className: name === "Length" || name === "Peak" ? "number" : "" }, name)))),
    body);
  main.append(
    h("h1", {}, "Events"), count,
    h("form", { className: "filters", role: "search", onsubmit: event => event.preventDefault() },
      ranges, h("label", {}, "Sound", label), h("label", {}, "Stream", stream), h("label", {}, peakWords, peak)),
    labels, trouble,
    h("section", { "aria-labelledby": "heat", hidden: true }, h("h2", { id: "heat" }, "By label and hour"), heat),
    h("section", { "aria-labelledby": "list" }, h("div", { className: "row" }, h("h2", { id: "list" }, "Newest first"), files),
      h("div", { className: "wide" }, table), empty, more));

  let timer;
  function soon() {
    text(peakWords, `Peak at least ${percent(Number(peak.value))}`);
    clearTimeout(timer);
    timer = setTimeout(load, 300);
  }

  function selection(prefix) {
    const chosen = new URLSearchParams();
    const put = (name, value) => value && chosen.append(prefix + name, value);
    put("from", new Date(now() - hours * 3_600_000).toISOString());
    put(prefix ? "labels" : "label", label.value.trim());
    put("prefix", stream.value.trim());
    put("min_peak_score", Number(peak.value) || "");
    return chosen;
  }

  async function load(isFresh = true) {
    const mine = ++round;
    asking = true;
    try {
      const query = selection("selection.");
      query.append("newest_first", "true");
      query.append("page_size", PageEvents);
      const found = [];
      let token = "";
      for await (const page of pages(`/v1/events?${query}`, { most: isFresh ? MostPages : 1 })) {
        found.push(...page.events.map(read));
        token = page.nextPageToken;
      }
      if (mine !== round || !alive) {
        return;
      }
      if (isFresh) {
        [kept, limit, cell] = [found, Shown, null];
        isAll = !token;
      } else {
        const known = new Set(kept.map(each => each.key)), more = found.filter(each => !known.has(each.key));
        if (token && found.length > 0 && more.length === found.length) {
          load(); // more has come than a page holds, e.g. while the page was hidden
          return;
        }
        trouble.replaceChildren();
        const young = kept.filter(each => each.onset >= now() - hours * 3_600_000);
        if (more.length === 0 && young.length === kept.length) {
          return;
        }
        kept = [...more, ...young].sort((a, b) => b.onset - a.onset);
      }
      trouble.replaceChildren();
      draw();
    } catch (error) {
      if (alive && (isFresh || error.status)) {
        trouble.replaceChildren(problem(error));
      }
    } finally {
      asking = asking && mine !== round;
    }
  }

  const read = ({ streamId, begun, onset, offset, event }) => ({
    key: `${streamId} ${begun} ${event.id}`, stream: streamId, onset: Date.parse(onset),
    length: (Date.parse(offset) - Date.parse(onset)) / 1000, label: event.label, peak: event.peakScore,
  });

  function draw() {
    const fits = cell ? kept.filter(each => each.label === cell.label && new Date(each.onset).getHours() === cell.hour) : kept;
    text(count, kept.length === 0 ? "What the grid has heard and keeps."
      : `${isAll ? "" : "The latest "}${kept.length.toLocaleString("en")} ${kept.length === 1 ? "event" : "events"} of ${new Set(kept.map(each => each.label)).size} kinds in ${new Set(kept.map(each => each.stream)).size} ${new Set(kept.map(each => each.stream)).size === 1 ? "stream" : "streams"}.`
        + (cell ? ` Shown: ${cell.label} between ${cell.hour}:00 and ${cell.hour + 1}:00.` : ""));
    // Rows that are shown stay what they are, so that a reader's place in the list is not lost.
    const focused = document.activeElement, shown = fits.slice(0, limit);
    for (const key of lines.keys()) {
      shown.some(each => each.key === key) || lines.delete(key);
    }
    body.replaceChildren(...shown.map(each => lines.get(each.key) ?? lines.set(each.key, h("tr", {},
      h("td", {}, h("time", { dateTime: new Date(each.onset).toISOString() }, when(each.onset))),
      h("td", {}, h("span", { className: "dot", "--hue": hue(each.label) }), each.label),
      h("td", {}, h("a", { href: `#/stream/${encodeURIComponent(each.stream)}` }, each.stream)),
      h("td", { className: "number" }, span(each.length)),
      h("td", { className: "number" }, percent(each.peak)))).get(each.key)));
    body.contains(focused) && focused.focus({ preventScroll: true });
    more.hidden = fits.length <= limit;
    empty.hidden = fits.length > 0;
    table.hidden = fits.length === 0;
    heat.parentElement.hidden = kept.length === 0;
    drawHeat();
    files.replaceChildren(...kept.length ? [["csv", "CSV"], ["json_lines", "JSON"]].map(([format, words]) =>
      h("a", { className: "button", href: `/v1/events:export?format=${format}&${selection("")}`, download: `events.${format === "csv" ? "csv" : "jsonl"}` }, `Export ${words}`)) : []);
  }

  // Hours of the day, local: of a week each cell adds up seven days.
  function drawHeat() {
    const counts = new Map();
    for (const each of kept) {
      const row = counts.get(each.label) ?? counts.set(each.label, new Array(24).fill(0)).get(each.label);
      row[new Date(each.onset).getHours()]++;
    }
    const sum = row => row.reduce((a, b) => a + b);
    const rows = [...counts].sort((a, b) => sum(b[1]) - sum(a[1])).slice(0, HeatLabels);
    const highest = Math.max(1, ...rows.flatMap(([, row]) => row));
    const focused = heat.contains(document.activeElement) && document.activeElement.dataset.cell;
    heat.replaceChildren(h("table", { className: "heat" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, h("span", { className: "unseen" }, "Sound")),
        Array.from({ length: 24 }, (_, hour) => h("th", { scope: "col" }, `${hour}`)))),
      h("tbody", {}, rows.map(([name, row]) => h("tr", {},
        h("th", { scope: "row", title: name }, name),
        row.map((each, hour) => h("td", { "--heat": each ? 18 + 82 * Math.sqrt(each / highest) : 0 }, each ? choice(name, hour, each) : "")))))));
    focused && heat.querySelector(`[data-cell="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  // A cell lists its events alone, and all again when it is pressed once more.
  function choice(name, hour, number) {
    const isChosen = cell?.label === name && cell.hour === hour;
    return h("button", {
      type: "button", "data-cell": `${hour} ${name}`, "aria-pressed": `${isChosen}`, "aria-label": `${name} at ${hour}: ${number}`, title: `${name}, ${hour}:00: ${number}`,
      onclick: () => {
        cell = isChosen ? null : { label: name, hour };
        limit = Shown;
        draw();
      },
    }, `${number}`);
  }

  call("/v1/models").then(({ models }) => call(
    `/v1/models/${encodeURIComponent((models.find(model => model.isDefault) ?? models[0]).name)}/labels`)).then(answer => labels.replaceChildren(
    ...answer.labels.filter(each => each.offered).map(each => h("option", { value: each.name })))).catch(() => {});
  text(count, "Asking the grid …");
  load();
  const fresh = setInterval(() => document.visibilityState === "visible" && !asking && load(false), 10_000);
  return () => {
    alive = false;
    clearInterval(fresh);
    clearTimeout(timer);
  };
}
