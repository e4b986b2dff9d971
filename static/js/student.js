/**
 * The student's live page: camera mark, preview, own reading, taps, and the words for whatever
 * goes wrong. Without a camera, or where faces are not read at all, it is the same page without
 * that part: the camera's modules are then not even loaded.
 */

import { stayAwake } from "./awake.js";
import { startPacer, workerClock } from "./clock.js";
import { byId, setText } from "./dom.js";
import { noticeBoard } from "./notices.js";
import { ownReading } from "./own.js";
import { cameraAfter } from "./pauses.js";
import { connect } from "./socket.js";
import { tapGrid } from "./taps.js";

const COMPLAINT_MS = 5000;
const BACK_WORDS_MS = 10_000;

const data = JSON.parse(document.getElementById("student-data").textContent);
const pacer = startPacer();
const clock = workerClock(pacer);
const title = document.title;

let over = false;
let lesson = { paused: false, worker: true };
let cameraModule = null;
let pictures = null;

const board = noticeBoard(byId("notice"), data.words, act);
const socket = connect(
  data.socket,
  {
    open: () => board.clear("line"),
    message: hear,
    lost: () => board.say("line", "reconnecting"),
    closed: (code, words) => end(data.closes[code] ?? "", words),
  },
  clock,
);
const taps = tapGrid(byId("taps"), socket, clock, (data.fades_s ?? 300) * 1000);

function hear(message) {
  if (message.hello) hello(message.hello);
  if ("seq" in message) answered(message);
  if (message.reading && pictures?.state === "on") own.show(message.reading);
  if (message.saved) taps.saved(message.saved);
  if (message.undone) taps.undone(message.undone);
  if (message.lesson) lessonChanged(message.lesson);
  if ("worker" in message) workerChanged(message.worker);
  if (message.camera) consentChanged(message.camera);
  if (message.error) complain(message.error);
  if ("nudge" in message) byId("nudge")?.toggleAttribute("hidden", !message.nudge);
}

function complain(words) {
  board.say("busy", "", words);
  clock.after(COMPLAINT_MS, () => board.clear("busy"));
}

function hello({ lesson: now, taps: held }) {
  taps.restore(held ?? []);
  if (now.interval_ms) pictures?.setPace(now.interval_ms);
  lessonChanged(now);
  if ("worker" in now) workerChanged(now.worker);
  if (pictures && data.camera === "on") pictures.tell();
}

function lessonChanged(now) {
  const before = lesson;
  lesson = { ...lesson, ...now };
  if (now.closed) return end("lesson_ended", now.words ?? "");
  if (!data.analysis) return;
  if (lesson.paused) board.say("teacher", "paused");
  else board.clear("teacher");
  const camera = cameraAfter(before, lesson);
  // Also one that is off because the system muted it: unmuted, it would go on by itself.
  if (camera === "off") pictures?.stop("teacher");
  if (camera === "on" && wanted()) turnOn();
  drawCamera();
}

function workerChanged(there) {
  lesson.worker = there;
  if (there || !data.analysis || pictures?.state !== "on") board.clear("worker");
  else board.say("worker", "no_worker");
}

/** The end of this page's part: ended, removed, left, or open in another tab. */
function end(key, words) {
  over = true;
  board.clear("camera");
  board.clear("line");
  pictures?.stop("over");
  if (key !== "second_tab") socket.close();
  board.say("over", key, key === "lesson_ended" ? words : "");
  document.body.dataset.over = key;
}

function act(action) {
  if (action === "retry") turnOn();
  if (action === "stay") stayWithout();
  if (action === "take_over") takeOver();
  if (action === "data") location.assign(byId("data-link").href);
  if (action === "erase") byId("erase-dialog").showModal();
}

function takeOver() {
  over = false;
  delete document.body.dataset.over;
  board.clear("over");
  socket.reopen();
  if (wanted()) turnOn();
}

byId("leave").addEventListener("click", () => {
  socket.send({ leave: true });
  end("left", "");
});

/* The camera. Nothing below runs where faces are not read. */

const pausedKey = `paused-${data.lesson}`;
const own = data.analysis
  ? ownReading(data.words, clock, () => socket.send({ thinking: true }))
  : null;
let hiddenWhenLost = false;

function wanted() {
  return data.analysis && data.camera === "on" && !over && !lesson.paused && !remembered(pausedKey);
}

function remembered(key) {
  try {
    return sessionStorage.getItem(key) === "yes";
  } catch {
    return false;
  }
}

function remember(key, yes) {
  try {
    if (yes) sessionStorage.setItem(key, "yes");
    else sessionStorage.removeItem(key);
  } catch {
    // A browser that stores nothing forgets it at the next reload, and asks again.
  }
}

async function turnOn() {
  if (!data.analysis || data.camera !== "on" || over || lesson.paused) return;
  remember(pausedKey, false);
  board.clear("camera");
  if (!pictures) await loadCamera();
  // Meanwhile the teacher may have paused, or the lesson ended.
  if (wanted()) pictures.start();
}

async function loadCamera() {
  const [{ snapshots }, camera] = await Promise.all([import("./snapshots.js"), import("./camera.js")]);
  cameraModule = camera;
  // Asked for twice while it loaded, it is one camera all the same.
  pictures ??= snapshots(pacer, clock, socket, { state: cameraChanged, picture: showPicture });
}

function pause() {
  remember(pausedKey, true);
  pictures?.stop("paused");
}

function stayWithout() {
  remember(pausedKey, true);
  board.clear("camera");
}

function cameraChanged(state, why) {
  if (state === "off") cameraLost(why);
  if (state === "on") cameraBack();
  drawCamera();
  workerChanged(lesson.worker);
}

function cameraLost(why) {
  hiddenWhenLost = document.hidden && (why === "ended" || why === "background");
  const key = why === "insecure" ? "not_https" : why;
  if (key === "background") board.say("camera", "ended");
  else if (["paused", "teacher", "over"].includes(key)) board.clear("camera");
  else board.say("camera", key);
}

function cameraBack() {
  board.clear("camera");
  if (!hiddenWhenLost) return;
  hiddenWhenLost = false;
  board.say("camera", "background");
  clock.after(BACK_WORDS_MS, () => pictures.state === "on" && board.clear("camera"));
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  if (pictures?.why === "ended" && hiddenWhenLost && wanted()) pictures.start();
  stayAwake(pictures?.state === "on");
});

function drawCamera() {
  if (!data.analysis) return;
  const on = pictures?.state === "on";
  const mark = byId("mark");
  const words = on ? mark.dataset.on : mark.dataset.off;
  mark.dataset.camera = on ? "on" : "off";
  setText(byId("mark-words"), words);
  document.title = on ? `● ${title}` : title;
  byId("preview").hidden = !on;
  byId("no-picture").hidden = on;
  drawCameraButton(on);
  if (!on) own.nothing(pictures?.state === "asking");
  stayAwake(on);
}

function drawCameraButton(on) {
  const mayTurnOn = data.camera === "on";
  const busy = on || pictures?.state === "asking";
  const button = byId("camera-button");
  byId("consent-button").hidden = mayTurnOn;
  button.hidden = !mayTurnOn;
  button.disabled = Boolean(lesson.paused);
  byId("pause-icon").hidden = !busy;
  byId("resume-icon").hidden = busy;
  byId("camera-button-words").textContent = busy ? button.dataset.pause : button.dataset.resume;
}

function toggleCamera() {
  if (over || lesson.paused || data.camera !== "on") return;
  if (pictures && pictures.state !== "off") pause();
  else turnOn();
}

function answered(message) {
  pictures?.answered(message);
  if (message.status !== "refused") board.clear("busy");
  else if (message.why === "not_wanted") pictures?.tell();
  else if (message.why !== "early" && data.words[message.why]) board.say("busy", message.why);
}

/** Consent was given or taken back on another page of the same student. */
function consentChanged(camera) {
  if (!data.analysis || camera === data.camera) return;
  data.camera = camera;
  if (camera === "none") pictures?.stop("paused");
  else if (wanted()) turnOn();
  drawCamera();
}

/** The bytes that were sent, decoded again; a page that nobody looks at draws nothing. */
function showPicture(jpeg) {
  if (!document.hidden) cameraModule.show(byId("preview"), jpeg);
}

function answerNudge(what) {
  byId("nudge").hidden = true;
  if (what === "stuck") taps.press("hand");
  else socket.send({ [what]: true });
}

function typing(target) {
  return target.closest?.("input, textarea, select, dialog[open]");
}

if (data.analysis) {
  byId("camera-button").addEventListener("click", toggleCamera);
  byId("nudge").addEventListener("click", (event) => {
    const what = event.target.closest("[data-nudge]")?.dataset.nudge;
    if (what) answerNudge(what);
  });
  document.addEventListener("keydown", (event) => {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
    if (plain && event.key.toLowerCase() === "p" && !typing(event.target)) toggleCamera();
  });
  drawCamera();
  if (wanted()) turnOn();
}
