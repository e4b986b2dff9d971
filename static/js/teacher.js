/**
 * The teacher's live page: folds what the socket says into its parts, and sends what the teacher
 * does. Each part has a module of its own; this one only connects them.
 */

import { lessonCharts } from "./charts.js";
import { byId, button, make, memory, setLine, setText } from "./dom.js";
import { drawer } from "./drawer.js";
import { flagPanel } from "./flags.js";
import "./invite.js";
import { popOut } from "./popout.js";
import { post, read } from "./post.js";
import { pulseView } from "./pulse.js";
import { connect } from "./socket.js";
import { studentList } from "./students.js";

const TOAST_MS = 5000;

const data = JSON.parse(byId("lesson-data").textContent);
const state = { at: 0, lesson: {}, pulse: null, coverage: null, worker: null, taps: [] };

const pulse = pulseView(byId("pulse"));
const charts = lessonCharts({ minutes: 20 });
const students = studentList(byId("students"), (id) => side.open(id));
const flags = flagPanel(
  {
    dismiss: (id) => attempt(() => post(`${data.base}flags/${id}/dismiss/`)),
    snooze: (id) => attempt(() => post(`${data.base}flags/${id}/snooze/`)),
    verdict: (id, useful) => attempt(() => post(`${data.base}flags/${id}/verdict/`, { useful })),
    open: (id) => side.open(id),
  },
  students.shownName,
);
const side = drawer(
  {
    student: students.get,
    nameOf: students.shownName,
    namesHidden: () => students.namesHidden,
  },
  {
    read: (id) => read(`${data.base}students/${id}/`),
    rename: (id, name) => post(`${data.base}students/${id}/rename/`, { name }),
    remove: removeStudent,
  },
);
const small = popOut(byId("pulse"), byId("flags-title").firstChild.textContent.trim(), drawSmall);

connect(data.socket, {
  open: () => setLine(byId("line"), ""),
  message: hear,
  lost: lineLost,
  closed: (code, words) => gone(words),
});

function hear(message) {
  if (message.hello) hello(message.hello);
  if (message.tick) tick(message.tick);
  if (message.slice) slice(message.slice);
  if (message.flags) showFlags(message);
  if (message.lesson) lessonChanged(message.lesson);
  if ("trouble" in message) setLine(byId("line"), message.trouble);
  state.at = message.alive ?? state.at;
  pressed("quiet", isQuiet());
  document.body.removeAttribute("data-line");
}

function hello(told) {
  const picture = told.picture ?? {};
  const rows = Object.values(picture.rows ?? {});
  // Of a large class rows, charts and small lines follow in messages of their own.
  state.expected = told.ids?.length ?? 0;
  const known = new Set(told.ids ?? rows.map((row) => row.id));
  students.gone([...goneSince(known)]);
  lessonChanged(told.lesson);
  tick({ at: told.at, gone: [], ...picture, students: rows });
  students.endAt(told.until);
  charts.show(told.charts ?? null);
  slice({ pulse: told.pulse, sparklines: told.sparklines });
  if (told.flags) showFlags(Array.isArray(told.flags) ? told : told.flags);
}

/** Rows that the server no longer has: it may have been away, or we. */
function* goneSince(known) {
  for (const id of students.ids()) if (!known.has(id)) yield id;
}

function tick(now) {
  state.at = now.at ?? state.at;
  if (now.students?.length) {
    students.rows(now.students);
    state.expected = 0;
  }
  if (now.gone) students.gone(now.gone);
  if (now.counts) setText(byId("room"), byId("room").dataset.words.replace("{count}", now.counts.room));
  if (now.coverage) tell("coverage", now.coverage);
  if (now.worker) tell("worker", now.worker);
  if (now.taps) showTaps(now.taps);
  if (now.removed) showRemoved(now.removed);
  byId("nobody").hidden = students.size > 0 || state.expected > 0;
  drawElapsed();
  side.redraw();
}

function slice(now) {
  if (now.pulse) tell("pulse", now.pulse);
  if (now.charts) charts.change(now.charts);
  if (now.sparklines) students.sparklines(now.sparklines);
  if (!now.tails) return;
  students.tails(now.tails);
  side.reload();
}

/** The same goes to the page and to the small window. */
function tell(what, value) {
  state[what] = value;
  pulse[what](value);
  small.tell(what, value);
}

function drawSmall() {
  byId("pop-out").setAttribute("aria-pressed", String(small.isOpen));
  for (const what of ["pulse", "coverage", "worker"]) if (state[what]) small.tell(what, state[what]);
  small.flags(flags.count);
}

function showFlags(message) {
  flags.show(message);
  small.flags(flags.count);
}

function showTaps(taps) {
  const place = byId("taps");
  const words = taps.map(({ words: kind, count }) => `${kind} ${count}`).join(" · ");
  setText(place, words || place.dataset.none);
}

function lessonChanged(lesson) {
  state.lesson = { ...state.lesson, ...lesson };
  const now = state.lesson;
  if (now.closed) return toReport();
  label("pause", now.paused, "resume", "pause");
  label("lock", now.locked, "unlockWords", "lockWords");
}

/** Quiet work ends by itself and nobody tells: from then on its end lies behind us. */
function isQuiet() {
  return state.lesson.quiet_until > state.at;
}

function pressed(id, yes) {
  byId(id)?.setAttribute("aria-pressed", String(yes));
}

function label(id, yes, whenYes, whenNo) {
  const item = byId(id);
  if (item) setText(item.querySelector("[data-label]"), item.dataset[yes ? whenYes : whenNo]);
}

function drawElapsed() {
  const seconds = Math.max(0, Math.floor(state.at - Number(byId("elapsed").dataset.opened)));
  const hours = Math.floor(seconds / 3600);
  const pair = (number) => String(number).padStart(2, "0");
  const minutes = `${hours ? pair(Math.floor(seconds / 60) % 60) : Math.floor(seconds / 60)}`;
  drawEnding(state.lesson?.ends_at ?? 0);
  setText(byId("elapsed"), `${hours ? `${hours}:` : ""}${minutes}:${pair(seconds % 60)}`);
}

const ENDING_SHOWN_S = 600;

/** A lesson ends by itself at its set length; its teacher reads so ten minutes ahead. */
function drawEnding(endsAt) {
  const ending = byId("ending");
  const soon = endsAt > 0 && endsAt - state.at < ENDING_SHOWN_S;
  setText(ending, soon ? ending.dataset.words.replace("{time}", clockTime(endsAt)) : "");
}

function clockTime(epoch) {
  const at = new Date(epoch * 1000);
  return at.toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hour12: false });
}

function lineLost() {
  if (!state.at) return;
  document.body.dataset.line = "lost";
  setLine(byId("line"), byId("line").dataset.words.replace("{time}", clockTime(state.at)));
}

let leaving = false;

/**
 * The lesson is over: its report is at the same address. The answer to End, the socket's word and
 * its closing each say so, and a second navigation would abort the first.
 */
function toReport() {
  if (leaving) return;
  leaving = true;
  location.assign(data.base);
}

/** The socket will not come back: the lesson ended, or it is not ours. */
function gone(words) {
  if (!words) return toReport();
  const place = byId("gone").content.cloneNode(true);
  setText(place.querySelector("h2"), words);
  byId("main").replaceChildren(place);
}

/* What the teacher does. */

let cancelToast = 0;

function toast(words) {
  clearTimeout(cancelToast);
  setLine(byId("toast"), words);
  cancelToast = setTimeout(() => setLine(byId("toast"), ""), TOAST_MS);
}

async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    toast(error.message);
    throw error;
  }
}

/** A button that asks the server for something and shows the answer by the socket's next word. */
function asks(id, work) {
  byId(id)?.addEventListener("click", () => attempt(work).catch(() => {}));
}


asks("quiet", () => post(`${data.base}quiet/`, { on: !isQuiet() }));
asks("pause", () => post(`${data.base}${state.lesson.paused ? "resume" : "pause"}/`));
asks("lock", () => post(`${data.base}${state.lesson.locked ? "unlock" : "lock"}/`));

function hideNames() {
  const yes = !students.namesHidden;
  students.hideNames(yes);
  pressed("hide-names", yes);
  flags.redraw();
  side.redraw();
}
pressed("hide-names", students.namesHidden);
byId("hide-names").addEventListener("click", hideNames);
document.querySelector("[data-clicks=hide-names]").addEventListener("click", hideNames);

byId("pop-out").addEventListener("click", () => small.open());

byId("marker-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await post(`${data.base}marker/`, { text: byId("marker-text").value });
    setLine(byId("marker-error"), "");
    byId("marker-text").value = "";
    byId("marker").close();
  } catch (error) {
    setLine(byId("marker-error"), error.message);
  }
});

byId("end-now").addEventListener("click", async () => {
  try {
    await post(`${data.base}end/`);
    toReport();
  } catch (error) {
    setLine(byId("end-error"), error.message);
  }
});

async function removeStudent(id) {
  await post(`${data.base}students/${id}/remove/`);
  students.gone([id]);
}

/** Whoever was removed can be let in again. */
function showRemoved(removed) {
  const list = byId("removed-list");
  byId("removed").hidden = !removed.length;
  list.replaceChildren(
    ...removed.map(({ id, name }) => {
      const item = make("li");
      const readmit = () => attempt(() => post(`${data.base}students/${id}/readmit/`)).catch(() => {});
      item.append(make("span", "", name), button(list.dataset.readmit, "button small", readmit));
      return item;
    }),
  );
}

/* The list's own switches. */

byId("search").addEventListener("input", (event) => {
  const found = students.search(event.target.value);
  byId("none-found").hidden = found > 0 || !students.size;
});

function choose(attribute, key, take) {
  const buttons = [...document.querySelectorAll(`button[data-${attribute}]`)];
  const pick = (value) => {
    for (const each of buttons) each.setAttribute("aria-pressed", String(each.dataset[attribute] === value));
    memory.set(key, value);
    take(value);
  };
  for (const each of buttons) each.addEventListener("click", () => pick(each.dataset[attribute]));
  const kept = memory.get(key);
  if (buttons.some((each) => each.dataset[attribute] === kept)) pick(kept);
}

choose("order", "student-order", (order) => students.order(order));
choose("view", "student-view", (view) => (byId("students").dataset.view = view));

/* Single keys: H, M, Q. They can be switched off. */

const KEYS = {
  h: hideNames,
  m: () => byId("marker").showModal(),
  q: () => byId("quiet").click(),
};

function drawShortcuts() {
  const on = memory.get("shortcuts") !== "off";
  byId("shortcuts").setAttribute("aria-checked", String(on));
  label("shortcuts", on, "on", "off");
  document.body.toggleAttribute("data-no-shortcuts", !on);
  return on;
}

byId("shortcuts").addEventListener("click", () => {
  memory.set("shortcuts", drawShortcuts() ? "off" : "on");
  drawShortcuts();
});
drawShortcuts();

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  // Names can be hidden while the drawer shows one; in the other dialogs people type and decide.
  if (event.target.closest("input, textarea, select")) return;
  if (document.querySelector("dialog:modal:not(#drawer)") || memory.get("shortcuts") === "off") return;
  const run = KEYS[event.key.toLowerCase()];
  if (!run) return;
  event.preventDefault();
  run();
});
