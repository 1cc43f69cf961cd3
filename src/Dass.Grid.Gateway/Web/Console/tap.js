// An audio worklet: blocks of 1,600 samples, a tenth of a second at 16 kHz, as signed 16-bit numbers. A context of another rate is brought there by a windowed sinc.
const Step = sampleRate / 16_000, Wide = Math.max(1, Step), Half = Math.ceil(12 * Wide), Phases = 512, Band = 0.92; // Half: taps on either side; Band: of what both rates hold, what passes
const kernels = new Map();

/** Weights of the samples around a place between two of them. */
function kernel(phase) {
  if (!kernels.has(phase)) {
    kernels.set(phase, Float32Array.from({ length: 2 * Half }, (_, i) => {
      const away = i - Half + 1 - phase / Phases, x = Math.PI * Band * away / Wide;
      return Band / Wide * (x ? Math.sin(x) / x : 1) * Math.max(0, 0.5 + 0.5 * Math.cos(Math.PI * away / Half));
    }));
  }
  return kernels.get(phase);
}

registerProcessor("tap", class extends AudioWorkletProcessor {
  #block = new Int16Array(1600);
  #count = 0;
  #past = new Float32Array(2 * Half);
  #at = Half; // of the next sample at 16 kHz, in what is past and what comes

  process([[input]]) {
    if (input && Step === 1) {
      input.forEach(sample => this.#put(sample));
    } else if (input) {
      const all = new Float32Array(this.#past.length + input.length);
      all.set(this.#past);
      all.set(input, this.#past.length);
      for (; this.#at + Half + 1 < all.length; this.#at += Step) {
        const place = Math.round(this.#at * Phases), first = Math.floor(place / Phases) - Half + 1;
        this.#put(kernel(place % Phases).reduce((sum, weight, i) => sum + weight * all[first + i], 0));
      }
      this.#at -= all.length - this.#past.length;
      this.#past = all.slice(-this.#past.length);
    }
    return true;
  }

  #put(sample) {
    this.#block[this.#count++] = Math.max(-1, Math.min(1, sample)) * 32767;
    if (this.#count === this.#block.length) {
      this.port.postMessage(this.#block);
      this.#block = new Int16Array(1600);
      this.#count = 0;
    }
  }
});
