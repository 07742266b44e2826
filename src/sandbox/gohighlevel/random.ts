/** Numbers from 0 to 1 that are the same for the same seed, so that a run that failed can be had again (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A duration drawn from a log-normal distribution with this median, in milliseconds; one in twenty is five times as long. */
export function drawLatency(random: () => number, medianMs: number): number {
  if (medianMs === 0) return 0;
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.min(medianMs * 17, medianMs * Math.exp(normal * 0.98));
}
