/**
 * The student's own reading. It may change all the time; the page changes it every five seconds
 * at most, and the student may hide it.
 */

import { byId, memory, setText } from "./dom.js";

const BETWEEN_MS = 5000;
const HIDDEN = "reading-hidden";

/**
 * @param {Record<string, {title: string}>} words   what to say where nothing could be read
 * @param {() => void} thinking   "Not right? I'm just thinking"
 */
export function ownReading(words, clock, thinking) {
  const line = byId("reading");
  const card = byId("own");
  const hide = byId("hide-reading");
  const doubt = byId("thinking");
  let newest = null;
  let shownAt = 0;
  let cancel = () => {};

  const hidden = () => memory.get(HIDDEN) === "yes";

  function draw() {
    shownAt = Date.now();
    const known = words[newest.why ?? newest.state]?.title;
    setText(line, newest.words || known || line.dataset.waiting);
    line.dataset.state = card.dataset.state = newest.state;
    drawHidden();
  }

  function drawHidden() {
    byId("reading-line").hidden = hidden();
    setText(hide, hidden() ? hide.dataset.show : hide.dataset.hide);
    doubt.hidden = hidden() || newest?.state !== "reading";
  }

  function noted() {
    const before = doubt.textContent;
    thinking();
    doubt.textContent = doubt.dataset.noted;
    doubt.disabled = true;
    clock.after(BETWEEN_MS, () => {
      doubt.textContent = before;
      doubt.disabled = false;
    });
  }

  hide.addEventListener("click", () => {
    memory.set(HIDDEN, hidden() ? "no" : "yes");
    drawHidden();
  });
  doubt.addEventListener("click", noted);
  drawHidden();

  return {
    show(reading) {
      newest = reading;
      cancel();
      const left = shownAt + BETWEEN_MS - Date.now();
      if (left <= 0) draw();
      else cancel = clock.after(left, draw);
    },
    /** The camera is off, or about to give its first picture. */
    nothing(waiting) {
      cancel();
      newest = null;
      shownAt = 0;
      setText(line, waiting ? line.dataset.waiting : line.dataset.none);
      line.dataset.state = card.dataset.state = "none";
      doubt.hidden = true;
    },
  };
}
