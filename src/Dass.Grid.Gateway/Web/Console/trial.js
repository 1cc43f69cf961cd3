// Try it: this machine's microphone, or a file that is dropped here, as a stream of its own.
import { eventLog, showBars } from "./stream.js";
import { Feed } from "./feed.js";
import { Past, plot } from "./plot.js";
import { h, loudness, meter, problem, span, text } from "./ui.js";

const Rate = 16_000, Piece = 8_000; // samples of a file that are sent at once

export function trial(main) {
  let [stop, session, gone] = [() => {}, null, false];
  const input = h("input", { type: "file", accept: "audio/*,video/*", hidden: true, onchange: () => input.files[0] && play(input.files[0]) });
  const microphone = h("button", { type: "button", className: "primary", onclick: () => listen() }, "Use the microphone");
  const choose = h("button", { type: "button", onclick: () => input.click() }, "Choose a file");
  const halt = h("button", { type: "button", hidden: true, onclick: () => stop() }, "Stop");
  const [note, trouble, stage] = [h("p", { className: "soft small", role: "status" }), h("div"), h("div")];
  const drop = h("div", {
    className: "drop",
    ondragover: event => {
      event.preventDefault();
      drop.classList.add("over");
    },
    ondragleave: () => drop.classList.remove("over"),
    ondrop: event => {
      event.preventDefault();
      drop.classList.remove("over");
      const [file] = event.dataTransfer.files;
      file && play(file);
    },
  },
  h("p", {}, "Drop a recording here, or"),
  h("div", { className: "row", role: "group", "aria-label": "Source" }, microphone, choose, halt, input),
  note);
  drop.querySelector(".row").style.setProperty("justify-content", "center");
  main.append(
    h("h1", {}, "Try it"),
    h("p", { className: "lead" }, "Audio goes to this grid and nowhere else, as a stream that you see under Now. The grid keeps its tags and events, not the audio."),
    drop, trouble, stage);
  if (!navigator.mediaDevices) {
    microphone.disabled = true;
    text(note, "Browsers lend the microphone to pages of https and of this machine only. A file can be dropped.");
  }

  /** A stage for one stream; the one before is left. */
  function begin(name, moves) {
    session?.leave();
    trouble.replaceChildren();
    const id = `try-${name}-${Date.now().toString(36)}`;
    const past = new Past(), view = { seconds: 30, moves };
    const picture = plot(past, view), heard = h("ol", { className: "bars" }), log = eventLog(), level = meter("Level");
    stage.replaceChildren(
      h("div", { className: "row" }, h("h2", {}, h("a", { href: `#/stream/${id}` }, id))),
      picture.element,
      h("div", { className: "two" },
        h("section", { "aria-labelledby": "hears" }, h("h2", { id: "hears" }, moves ? "Hears now" : "Heard last"), level.element, heard),
        h("section", { "aria-labelledby": "log" }, h("h2", { id: "log" }, "Events"), log.element)));
    level.element.hidden = !moves;
    halt.hidden = false;
    const feed = new Feed(id, (kind, message) => {
      if (session !== mine) {
        return; // what a stream before says is not for the page of this one
      }
      if (kind === "tags") {
        past.add(message);
        showBars(heard, message.chunkScores);
        log.add(message.events, true);
      } else if (kind === "events") {
        past.mark(message.events);
        log.add(message.events, true);
      } else if (kind === "gap") {
        past.gaps.push({ from: message.fromSample / Rate, to: message.toSample / Rate });
        past.mark(message.events);
      } else if (kind === "ready") {
        trouble.replaceChildren();
        text(note, moves ? "Listening." : "");
      } else if (kind === "lost") {
        text(note, "The connection is lost; what is heard meanwhile is kept and sent later.");
      } else if (kind === "refused") {
        trouble.replaceChildren(problem(message));
        stop();
      } else if (kind === "summary") {
        view.moves = false;
        halt.hidden = true;
        text(note, `Heard ${span(message.durationSeconds)} in ${message.chunks} chunks.`);
        showBars(heard, message.max);
        stage.querySelector("#hears").textContent = "Highest of all";
        picture.redraw();
      }
    });
    const mine = session = {
      leave: () => {
        stop();
        picture.end();
        session = null;
      },
    };
    return { feed, view, level, picture };
  }

  async function listen() {
    let media, audio, source, tap;
    const release = () => {
      media?.getTracks().forEach(track => track.stop());
      audio?.close();
    };
    try {
      media = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
      audio = new AudioContext({ sampleRate: Rate });
      try {
        source = audio.createMediaStreamSource(media);
      } catch { // Firefox connects a microphone at its own rate only; the tap brings it down
        audio.close();
        audio = new AudioContext();
        source = audio.createMediaStreamSource(media);
      }
      await audio.audioWorklet.addModule("/console/tap.js");
      tap = new AudioWorkletNode(audio, "tap");
    } catch (error) {
      release();
      trouble.replaceChildren(problem({ message: `The browser lends no microphone: ${error.message}` }));
      return;
    }
    if (gone) { // the page was left while the browser asked
      release();
      return;
    }
    const { feed, level } = begin("mic", true);
    tap.port.onmessage = ({ data }) => {
      feed.write(data);
      const rms = Math.sqrt(data.reduce((sum, sample) => sum + sample * sample, 0) / data.length) / 32768;
      const dbfs = 20 * Math.log10(Math.max(1e-6, rms));
      level.set(loudness(dbfs), `${dbfs.toFixed(0)} dBFS`);
    };
    source.connect(tap);
    stop = () => {
      stop = () => {};
      release();
      feed.finish();
    };
  }

  async function play(file) {
    text(note, `Reading ${file.name} …`);
    let samples;
    try {
      samples = await decode(await file.arrayBuffer());
    } catch {
      text(note, "");
      trouble.replaceChildren(problem({ message: `${file.name} is no audio that this browser can read.` }));
      return;
    }
    if (gone) {
      return;
    }
    const { feed, view } = begin("file", false);
    view.seconds = Math.max(10, Math.min(600, samples.length / Rate));
    let [at, halted] = [0, false];
    stop = () => {
      stop = () => {};
      halted = true;
      feed.finish();
    };
    const step = () => {
      if (halted) {
        return;
      }
      while (at < samples.length && feed.behind < 4 * Piece) {
        feed.write(samples.subarray(at, at + Piece));
        at += Piece;
      }
      text(note, `Hearing ${file.name}: ${Math.round(100 * Math.min(1, at / samples.length))} %`);
      at >= samples.length ? feed.finish() : setTimeout(step, 60);
    };
    step();
  }

  // The stream ends with the page, and does not wait for audio that will not come.
  const leave = () => session?.leave();
  addEventListener("pagehide", leave);
  return () => {
    gone = true;
    removeEventListener("pagehide", leave);
    leave();
  };
}

/** Any recording as 16 kHz mono. */
async function decode(bytes) {
  const audio = await new OfflineAudioContext(1, 1, Rate).decodeAudioData(bytes);
  const samples = new Int16Array(audio.length), channels = Array.from({ length: audio.numberOfChannels }, (_, i) => audio.getChannelData(i));
  for (let i = 0; i < samples.length; i++) {
    let sum = 0;
    for (const channel of channels) {
      sum += channel[i];
    }
    samples[i] = Math.max(-1, Math.min(1, sum / channels.length)) * 32767;
  }
  return samples;
}
