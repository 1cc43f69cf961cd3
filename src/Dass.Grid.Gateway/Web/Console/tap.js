// An audio worklet: blocks of 1,600 samples, a tenth of a second at 16 kHz, as signed 16-bit numbers.
registerProcessor("tap", class extends AudioWorkletProcessor {
  #block = new Int16Array(1600);
  #count = 0;

  process([[input]]) {
    for (const sample of input ?? []) {
      this.#block[this.#count++] = Math.max(-1, Math.min(1, sample)) * 32767;
      if (this.#count === this.#block.length) {
        this.port.postMessage(this.#block);
        this.#block = new Int16Array(1600);
        this.#count = 0;
      }
    }
    return true;
  }
});
