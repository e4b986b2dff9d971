/**
 * Timers that a hidden tab cannot slow down.
 *
 * A page behind a video call gets one timer a minute after a while; a worker's timers keep their
 * time. `workerClock` asks pacer.js to wake us, `pageClock` is the ordinary one. Both have
 * `after(ms, run)`, which returns a function that cancels.
 */

export const pageClock = {
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** @param {Worker} pacer the worker running pacer.js */
export function workerClock(pacer) {
  const waiting = new Map();
  let last = 0;

  pacer.addEventListener("message", ({ data }) => {
    if (!("wake" in data)) return;
    const run = waiting.get(data.wake);
    waiting.delete(data.wake);
    run?.();
  });

  return {
    after(ms, run) {
      const id = ++last;
      waiting.set(id, run);
      pacer.postMessage({ wake: id, after: ms });
      return () => waiting.delete(id);
    },
  };
}

export function startPacer() {
  return new Worker(new URL("./pacer.js", import.meta.url), { type: "module" });
}
