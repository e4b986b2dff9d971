/**
 * A WebSocket that comes back by itself.
 *
 * It reconnects with back-off (0.5 s to 15 s, with jitter so that a class does not return as
 * one), treats 25 s of silence as a lost line, and keeps what must not be lost until the server
 * says it has it. Some closings are answers, not accidents: after those it stays closed.
 */

import { pageClock } from "./clock.js";

const FIRST_MS = 500;
const LONGEST_MS = 15_000;
const SILENT_MS = 25_000;
const FINAL = new Set([4401, 4403, 4404, 4409, 4410]);

export function backOff(tries, random = Math.random) {
  const whole = Math.min(LONGEST_MS, FIRST_MS * 2 ** tries);
  return whole / 2 + (random() * whole) / 2;
}

/** The server speaks the language of this page, whatever the browser was set to since. */
function address(path) {
  const { lang } = document.documentElement;
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}?language=${lang}`;
}

/**
 * @param {string} path
 * @param {object} on
 * @param {(message: object) => void} on.message
 * @param {() => void} [on.open]
 * @param {() => void} [on.lost]   the line is down; we are trying again
 * @param {(code: number, words: string) => void} [on.closed]   the server closed it for good
 */
export function connect(path, on, clock = pageClock) {
  let socket = null;
  let tries = 0;
  let words = "";
  let over = false;
  let cancelSilence = () => {};
  let cancelRetry = () => {};
  const kept = new Map();

  function listenForSilence() {
    cancelSilence();
    const mine = socket;
    cancelSilence = clock.after(SILENT_MS, () => mine === socket && drop());
  }

  /** Close without waiting for the other side, which may be gone. */
  function drop() {
    const gone = socket;
    socket = null;
    gone?.close();
    retry();
  }

  function retry() {
    cancelSilence();
    if (over) return;
    on.lost?.();
    cancelRetry();
    cancelRetry = clock.after(backOff(tries++), open);
  }

  function hear(event) {
    listenForSilence();
    const message = JSON.parse(event.data);
    if (message.closing) words = message.closing;
    on.message(message);
  }

  function shut(event) {
    socket = null;
    if (!FINAL.has(event.code)) return retry();
    over = true;
    cancelSilence();
    on.closed?.(event.code, words);
  }

  function open() {
    cancelRetry();
    if (over || socket) return;
    words = "";
    const mine = (socket = new WebSocket(address(path)));
    mine.binaryType = "arraybuffer";
    mine.addEventListener("open", () => {
      if (mine !== socket) return;
      tries = 0;
      on.open?.();
      for (const message of kept.values()) send(message);
    });
    mine.addEventListener("message", (event) => mine === socket && hear(event));
    mine.addEventListener("close", (event) => mine === socket && shut(event));
    listenForSilence();
  }

  const isOpen = () => socket?.readyState === WebSocket.OPEN;

  function send(message) {
    if (isOpen()) socket.send(JSON.stringify(message));
    return isOpen();
  }

  function sendBytes(bytes) {
    if (!isOpen()) return false;
    socket.send(bytes);
    return true;
  }

  /** Send now, and again after every reconnect, until `settle(key)`. */
  function keep(key, message) {
    kept.set(key, message);
    send(message);
  }

  function close() {
    over = true;
    cancelRetry();
    cancelSilence();
    socket?.close(1000);
    socket = null;
  }

  function reopen() {
    over = false;
    tries = 0;
    open();
  }

  // The system may have slept, or the network come back: try at once, do not wait out the back-off.
  addEventListener("online", () => !over && !socket && open());
  addEventListener("pageshow", () => !over && !socket && open());

  open();
  return { send, sendBytes, keep, settle: (key) => kept.delete(key), close, reopen, isOpen };
}
