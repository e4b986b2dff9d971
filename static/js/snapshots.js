/**
 * From the camera to the socket: one picture in flight, at the pace the server sets.
 *
 * Each message is the JPEG behind a four-byte number, so that an answer finds its picture. The
 * server answers every one with when to come back; if it does not, we try again after 3 s.
 */

import { NoCamera, openCamera } from "./camera.js";

const ANSWER_MS = 3000;
const MISSED_BEFORE_OFF = 2;

function numbered(seq, jpeg) {
  const message = new Uint8Array(4 + jpeg.byteLength);
  new DataView(message.buffer).setUint32(0, seq);
  message.set(new Uint8Array(jpeg), 4);
  return message;
}

/**
 * @param {object} on
 * @param {(state: "off"|"asking"|"on", why: string) => void} on.state
 * @param {(jpeg: ArrayBuffer) => void} on.picture   these very bytes were sent
 */
export function snapshots(pacer, clock, socket, on) {
  let camera = null;
  let asking = false;
  let opening = false;
  let state = "off";
  let why = "";
  let pace = 2000;
  let seq = 0;
  let waiting = null;
  let missed = 0;

  function turn(next, reason = "") {
    if (state === next && why === reason) return;
    state = next;
    why = reason;
    on.state(state, why);
    tell();
  }

  /** The server knows on or off; why is for the student's own page. */
  function tell() {
    if (state === "asking") return;
    socket.send(state === "on" ? { camera: "on" } : { camera: "off", why: why || "paused" });
  }

  const sleep = (ms) => new Promise((resolve) => clock.after(ms, resolve));

  function answered(message) {
    if (message.next_ms) pace = message.next_ms;
    if (waiting?.seq === message.seq) waiting.resolve();
  }

  function offer(jpeg) {
    seq = (seq + 1) % 0xffffffff;
    const mine = seq;
    if (!socket.sendBytes(numbered(mine, jpeg))) return sleep(pace);
    on.picture(jpeg);
    return new Promise((resolve) => {
      const cancel = clock.after(ANSWER_MS, resolve);
      waiting = { seq: mine, resolve: () => (cancel(), resolve()) };
    });
  }

  async function takePictures(mine) {
    while (camera === mine) {
      const began = performance.now();
      const jpeg = await mine.shoot().catch(() => null);
      if (camera !== mine) return;
      missed = jpeg ? 0 : missed + 1;
      if (missed >= MISSED_BEFORE_OFF) turn("off", "background");
      if (jpeg) {
        turn("on");
        await offer(jpeg);
      }
      // However late the answer came: sooner than half the pace after it, the next is refused.
      await sleep(Math.max(50, pace / 2, pace - (performance.now() - began)));
    }
  }

  async function start() {
    if (asking || state === "on") return;
    camera?.stop();
    camera = null;
    asking = true;
    turn("asking");
    // Stopped and asked again while the browser's question still stands: its answer serves both.
    if (opening) return;
    opening = true;
    let opened = null;
    try {
      opened = await openCamera(pacer, clock, lost, () => {});
    } catch (error) {
      if (asking) turn("off", error instanceof NoCamera ? error.why : "in_use");
    }
    opening = false;
    if (opened && !asking) opened.stop();
    else if (opened) {
      camera = opened;
      missed = 0;
      takePictures(opened);
    }
    asking = false;
  }

  function stop(reason = "paused") {
    asking = false;
    camera?.stop();
    camera = null;
    turn("off", reason);
  }

  /** The system took the camera. A muted one may come back by itself; an ended one does not. */
  function lost(reason) {
    if (reason === "ended") stop("ended");
    else turn("off", reason);
  }

  return {
    start,
    stop,
    answered,
    tell,
    setPace: (ms) => (pace = ms),
    get state() {
      return state;
    },
    get why() {
      return why;
    },
    get how() {
      return camera?.how ?? "";
    },
  };
}
