/**
 * The worker behind the student page: it keeps the time, and where the browser lets it, it takes
 * the pictures too. Nothing here is slowed down when the tab is hidden.
 *
 * In:  {wake: id, after: ms}            wake me later
 *      {frames: ReadableStream}         here are the camera's frames
 *      {track: MediaStreamTrack}        here is the camera itself
 *      {shoot: id, side, quality, most} make one JPEG of the newest frame
 *      {stop: true}                     let the camera go
 * Out: {wake: id} {shot: id, jpeg, width, height} {missed: id, why} {frames: bool} {over: true}
 */

let reader = null;
let reading = null;
let ownTrack = null;
const canvas = typeof OffscreenCanvas === "undefined" ? null : new OffscreenCanvas(320, 240);
const pen = canvas?.getContext("2d", { alpha: false });

function take(frames) {
  reader = frames.getReader();
  reading = null;
}

function takeTrack(track) {
  if (typeof MediaStreamTrackProcessor === "undefined") return false;
  ownTrack = track;
  take(new MediaStreamTrackProcessor({ track }).readable);
  return true;
}

function letGo() {
  reader?.cancel().catch(() => {});
  ownTrack?.stop();
  reader = ownTrack = reading = null;
}

/** The newest frame. A read that waits for a stalled camera is shared, never stacked up. */
async function newestFrame() {
  const from = reader;
  reading ??= from.read();
  const { value, done } = await reading;
  if (from !== reader) {
    value?.close();
    return null;
  }
  reading = null;
  if (done) {
    reader = null;
    postMessage({ over: true });
    return null;
  }
  return value;
}

/** @returns {[number, number]} the frame's own shape, its longer side cut to `side` */
function fit(width, height, side) {
  const scale = Math.min(1, side / Math.max(width, height));
  return [Math.round(width * scale), Math.round(height * scale)];
}

async function encode(quality, most) {
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality });
  if (blob.size <= most || quality < 0.4) return blob;
  return encode(quality - 0.15, most);
}

async function shoot({ shoot: id, side, quality, most }) {
  if (!reader || !pen) return postMessage({ missed: id, why: "no_frames" });
  const frame = await newestFrame();
  if (!frame) return postMessage({ missed: id, why: "over" });
  const [width, height] = fit(frame.displayWidth, frame.displayHeight, side);
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  pen.drawImage(frame, 0, 0, width, height);
  frame.close();
  const jpeg = await (await encode(quality, most)).arrayBuffer();
  postMessage({ shot: id, jpeg, width, height }, [jpeg]);
}

addEventListener("message", ({ data }) => {
  if ("wake" in data) setTimeout(() => postMessage({ wake: data.wake }), data.after);
  if (data.frames) take(data.frames);
  if (data.track) postMessage({ frames: takeTrack(data.track) });
  if (data.stop) letGo();
  if ("shoot" in data) {
    shoot(data).catch((error) => postMessage({ missed: data.shoot, why: String(error) }));
  }
});
