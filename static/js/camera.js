/**
 * The student's camera: ask for it, make small JPEGs of it, let it go.
 *
 * The page lives behind a video call, so a picture may depend on no page timer and no animation
 * frame: browsers slow both in hidden tabs, and a hidden <video> stops advancing. Where the
 * browser has MediaStreamTrackProcessor the frames go straight to the worker (pacer.js), which
 * also encodes them. Elsewhere we draw the <video>, woken by the worker's clock.
 */

const SIDE = 320;
const QUALITY = 0.7;
const MOST_BYTES = 12 * 1024;
const SHOT_MS = 4000;
const TRANSFER_MS = 1500;

const WANTED = {
  audio: false,
  video: {
    facingMode: "user",
    width: { ideal: 320 },
    height: { ideal: 240 },
    frameRate: { ideal: 10, max: 30 },
  },
};

/** Why there is no picture: refused, none, in_use, insecure, ended or background. */
export class NoCamera extends Error {
  constructor(why) {
    super(why);
    this.why = why;
  }
}

export function possibleHere() {
  return window.isSecureContext && Boolean(navigator.mediaDevices?.getUserMedia);
}

function whyNot(error) {
  const reasons = {
    NotAllowedError: "refused",
    SecurityError: "refused",
    NotFoundError: "none",
    OverconstrainedError: "none",
    NotReadableError: "in_use",
    AbortError: "in_use",
  };
  return reasons[error.name] ?? "in_use";
}

async function ask() {
  if (!possibleHere()) throw new NoCamera("insecure");
  try {
    return await navigator.mediaDevices.getUserMedia(WANTED);
  } catch (error) {
    throw new NoCamera(whyNot(error));
  }
}

/** The worker's next message that answers `isIt`, or null when it takes too long. */
function answer(pacer, clock, isIt, ms) {
  return new Promise((resolve) => {
    const finish = (value) => {
      pacer.removeEventListener("message", hear);
      cancel();
      resolve(value);
    };
    const hear = ({ data }) => isIt(data) && finish(data);
    const cancel = clock.after(ms, () => finish(null));
    pacer.addEventListener("message", hear);
  });
}

/** Safari has the processor only in workers, and gives a worker the track itself. */
async function giveTrack(pacer, clock, track) {
  const copy = track.clone();
  try {
    pacer.postMessage({ track: copy }, [copy]);
  } catch {
    copy.stop();
    return false;
  }
  const heard = await answer(pacer, clock, (data) => "frames" in data, TRANSFER_MS);
  return heard?.frames === true;
}

async function giveFrames(pacer, clock, track) {
  if (typeof OffscreenCanvas === "undefined") return false;
  if (typeof MediaStreamTrackProcessor === "undefined") return giveTrack(pacer, clock, track);
  try {
    const frames = new MediaStreamTrackProcessor({ track }).readable;
    pacer.postMessage({ frames }, [frames]);
    return true;
  } catch {
    return false;
  }
}

function inWorker(pacer, clock) {
  let last = 0;
  return async () => {
    const id = ++last;
    pacer.postMessage({ shoot: id, side: SIDE, quality: QUALITY, most: MOST_BYTES });
    const mine = (data) => data.shot === id || data.missed === id;
    const heard = await answer(pacer, clock, mine, SHOT_MS);
    return heard?.jpeg ?? null;
  };
}

/** What can be drawn: a grabbed frame where the browser grabs, the playing video elsewhere. */
async function drawable(stream) {
  const [track] = stream.getVideoTracks();
  if (typeof ImageCapture !== "undefined" && ImageCapture.prototype.grabFrame) {
    const capture = new ImageCapture(track);
    return () => capture.grabFrame();
  }
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.srcObject = stream;
  await video.play();
  return async () => video;
}

function toJpeg(canvas, quality) {
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
}

async function onPage(stream) {
  const next = await drawable(stream);
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d", { alpha: false });
  return async () => {
    const frame = await next();
    const width = frame.videoWidth ?? frame.width;
    const height = frame.videoHeight ?? frame.height;
    if (!width) return null;
    const scale = Math.min(1, SIDE / Math.max(width, height));
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    pen.drawImage(frame, 0, 0, canvas.width, canvas.height);
    let blob = await toJpeg(canvas, QUALITY);
    if (blob && blob.size > MOST_BYTES) blob = await toJpeg(canvas, QUALITY - 0.2);
    return blob ? blob.arrayBuffer() : null;
  };
}

/**
 * Ask the browser, then hand back the open camera.
 *
 * @param {Worker} pacer
 * @param {{after: Function}} clock
 * @param {(why: string) => void} onLost   the system took it: ended or background
 * @param {() => void} onBack   it gives pictures again
 * @returns {Promise<{shoot: () => Promise<ArrayBuffer|null>, stop: () => void, how: string}>}
 */
export async function openCamera(pacer, clock, onLost, onBack) {
  const stream = await ask();
  const [track] = stream.getVideoTracks();
  const worker = await giveFrames(pacer, clock, track);
  let open = true;

  const stop = () => {
    open = false;
    pacer.postMessage({ stop: true });
    stream.getTracks().forEach((each) => each.stop());
  };
  track.addEventListener("ended", () => open && onLost("ended"));
  track.addEventListener("mute", () => open && onLost("background"));
  track.addEventListener("unmute", () => open && onBack());

  return { stop, shoot: worker ? inWorker(pacer, clock) : await onPage(stream), how: worker ? "worker" : "page" };
}

/** Show a JPEG on a canvas: the very bytes that were sent, decoded again. */
export async function show(canvas, jpeg) {
  const picture = await createImageBitmap(new Blob([jpeg], { type: "image/jpeg" }));
  canvas.width = picture.width;
  canvas.height = picture.height;
  canvas.getContext("2d").drawImage(picture, 0, 0);
  picture.close();
}
