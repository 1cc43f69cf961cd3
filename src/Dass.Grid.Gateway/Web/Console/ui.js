// Elements, words and colours that the views share.

/** An element with properties, data-… attributes, aria-… attributes, CSS variables (--…) and children; texts are texts. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) {
      continue;
    }
    if (name.startsWith("--")) {
      element.style.setProperty(name, value);
    } else if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else if (name in element && !name.includes("-") && name !== "role" && name !== "list") {
      element[name] = value;
    } else {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.flat(2).filter(child => child !== null && child !== undefined && child !== false));
  return element;
}

/** Sets a text only when it is another: screen readers and selections stay undisturbed. */
export function text(element, value) {
  if (element.textContent !== value) {
    element.textContent = value;
  }
}

const hues = ["#2f8f9d", "#d1495b", "#c78a1b", "#4f7cac", "#7a9e43", "#8e6bbf", "#c4652d", "#3f9c6d", "#b0578d", "#8a7a4f", "#5a86d6", "#a0522d"];
const taken = new Map();

/** The same colour for a label in all views; the first that come have each their own. */
export function hue(label) {
  if (!taken.has(label)) {
    taken.set(label, hues[taken.size % hues.length]);
  }
  return taken.get(label);
}

/** Colours for labels that stand side by side: each has its own, that of all views unless another of them has it. */
export function huesOf(labels) {
  const colours = new Map(), common = labels.map(hue);
  const free = hues.filter(each => !common.includes(each));
  labels.forEach((label, i) => colours.set(label, common.indexOf(common[i]) === i ? common[i] : free.shift() ?? common[i]));
  return colours;
}

export const percent = score => score.toFixed(2);

export function span(seconds) {
  const whole = Math.round(seconds);
  return seconds < 10 ? `${Math.max(0, seconds).toFixed(1)} s`
    : whole < 60 ? `${whole} s`
    : whole < 3600 ? `${Math.floor(whole / 60)} min ${whole % 60 ? `${whole % 60} s` : ""}`.trim()
    : whole < 172_800 ? `${Math.floor(whole / 3600)} h ${Math.floor(whole % 3600 / 60)} min`
    : `${Math.floor(whole / 86_400)} days`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
export const timeOfDay = ms => clock.format(ms);
export const when = ms => new Date(ms).toDateString() === new Date().toDateString() ? clock.format(ms) : `${day.format(ms)}, ${clock.format(ms)}`;

export const seconds = duration => Number.parseFloat(duration ?? "0");

export function bytes(count) {
  return count >= 2 ** 30 ? `${(count / 2 ** 30).toFixed(count < 10 * 2 ** 30 ? 1 : 0)} GiB` : `${Math.round(count / 2 ** 20)} MiB`;
}

export function chip(label, score) {
  return h("span", { className: "chip", "--score": score, "--hue": hue(label) }, h("b", {}, label), h("span", {}, percent(score)));
}

/** A bar with its value as text; share is 0 to 1. */
export function meter(label) {
  const [bar, value] = [h("i", { "aria-hidden": "true" }), h("span")];
  const element = h("div", { className: "meter" }, h("span", { className: "unseen" }, label), bar, value);
  return {
    element,
    set(share, words, tone = "") {
      bar.style.setProperty("--share", Math.min(1, Math.max(0, share)));
      text(value, words);
      element.dataset.tone = tone;
    },
  };
}

/** A list of terms with values: set({ term: [value, tone] }). */
export function figures() {
  const element = h("dl", { className: "figures" }), known = new Map();
  return {
    element,
    set(values) {
      for (const [term, value] of Object.entries(values)) {
        const [words, tone] = Array.isArray(value) ? value : [value, ""];
        if (!known.has(term)) {
          const dd = h("dd");
          known.set(term, dd);
          element.append(h("div", {}, h("dt", {}, term), dd));
        }
        text(known.get(term), words);
        known.get(term).dataset.tone = tone;
      }
    },
  };
}

export const loudness = dbfs => Math.max(0, Math.min(1, (dbfs + 72) / 72));

/** A canvas as sharp as the screen; coordinates are CSS pixels. */
export function fit(canvas) {
  const ratio = devicePixelRatio || 1, [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

let lastSaid = 0, waiting = "";

/** Tells a screen reader, at most once a second; what comes meanwhile is told together. */
export function say(words) {
  waiting = waiting ? `${waiting}; ${words}` : words;
  const due = Math.max(0, lastSaid + 1000 - Date.now());
  setTimeout(() => {
    if (waiting) {
      document.getElementById("said").textContent = waiting;
      [waiting, lastSaid] = ["", Date.now()];
    }
  }, due);
}

export function problem(error) {
  return h("p", { className: "problem", role: "alert" }, error.message ?? String(error));
}

export const calm = matchMedia("(prefers-reduced-motion: reduce)");
