// Feeds one stream over a WebSocket and keeps what the grid could ask for again, so that nothing is lost when the connection breaks.

import { refreshSession } from "./api.js";

const Rate = 16_000, MostUnsent = 1 << 17, MostKept = 16 << 20; // bytes in the socket's own buffer; samples

export class Feed {
  #kept = [];        // { first, samples }, from the durable position on
  #written = 0;      // samples that the source has given
  #sent = 0;         // samples that this connection has been given
  #finished = false;
  #over = false;
  #ready = false;
  #wait = 500;
  #socket = null;
  #timer = 0;
  #again = 0;        // the timer of the next look at a full socket

  /**
   * @param {string} id of the stream
   * @param {(kind: string, message: object) => void} on kinds of StreamResponse, and "lost", "refused", "over"
   */
  constructor(id, on) {
    [this.id, this.on] = [id, on];
    this.#open();
  }

  get seconds() {
    return this.#written / Rate;
  }

  /** @param {Int16Array} samples at 16 kHz */
  write(samples) {
    this.#kept.push({ first: this.#written, samples });
    this.#written += samples.length;
    while (this.#written - this.#kept[0].first > MostKept) {
      this.#kept.shift();
    }
    this.#pump();
  }

  /** Samples that wait for the connection: a source that can wait does, while there are many. */
  get behind() {
    return this.#written - this.#sent;
  }

  finish() {
    this.#finished = true;
    this.#pump();
  }

  /** Leaves the stream as it is, e.g. because the page goes. */
  leave() {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#socket.close();
  }

  #open() {
    this.#ready = false;
    const oldest = this.#kept[0]?.first ?? this.#written;
    const begin = this.begun ? `&oldest_sample=${oldest}&from_chunk=${this.next ?? 0}&begun=${encodeURIComponent(this.begun)}` : "";
    const socket = new WebSocket(
      `${location.origin.replace(/^http/, "ws")}/v1/streams/${encodeURIComponent(this.id)}/audio?encoding=pcm16&sample_rate_hz=${Rate}&top=16&spectrogram=true${begin}`,
      ["dass.v1"]);
    this.#socket = socket;
    socket.onmessage = event => this.#take(JSON.parse(event.data));
    socket.onclose = () => {
      if (!this.#over && socket === this.#socket) {
        this.on("lost", {});
        this.#timer = setTimeout(async () => {
          await refreshSession().catch(() => {}); // a session that is over asks for its key, and ends this view
          this.#over || this.#open();
        }, this.#wait);
        this.#wait = Math.min(2 * this.#wait, 5000);
      }
    };
  }

  #take(message) {
    if (message.ready) {
      [this.#ready, this.#wait, this.begun] = [true, 500, message.ready.begun];
      this.#sent = Number(message.ready.nextSample);
      this.on("ready", message.ready);
      this.#pump();
    } else if (message.ack) {
      const durable = Number(message.ack.durableSample);
      while (this.#kept.length > 1 && this.#kept[1].first <= durable) {
        this.#kept.shift();
      }
      this.#pump();
    } else if (message.error) {
      // What the grid cannot do now may go later, and is tried again when the socket closes.
      if (message.error.code !== 14 && message.error.code !== 13) {
        this.#over = true;
        this.on("refused", message.error);
      }
    } else if (message.summary) {
      this.#over = true;
      this.on("summary", message.summary);
    } else {
      const [kind] = ["tags", "events", "gap"].filter(each => message[each]);
      if (kind === "tags") {
        this.next = Number(message.tags.chunk) + 1;
      }
      if (kind) {
        this.on(kind, message[kind]);
      }
    }
  }

  #pump() {
    if (!this.#ready || this.#socket.readyState !== WebSocket.OPEN) {
      return;
    }
    for (const { first, samples } of this.#kept) {
      if (first + samples.length > this.#sent) {
        if (this.#socket.bufferedAmount > MostUnsent) {
          this.#again ||= setTimeout(() => {
            this.#again = 0;
            this.#pump();
          }, 50);
          return;
        }
        this.#socket.send(samples.subarray(Math.max(0, this.#sent - first)));
        this.#sent = first + samples.length;
      }
    }
    if (this.#finished && this.#sent === this.#written) {
      this.#socket.send('{"finish":{}}');
      this.#ready = false; // nothing more goes out
    }
  }
}
