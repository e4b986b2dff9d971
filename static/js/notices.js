/**
 * One notice at a time, the most important first.
 *
 * Several things can be wrong at once (the line is down *and* the camera is taken). Each has its
 * place; the board shows the first place that has something to say, in the server's words.
 */

const PLACES = ["over", "line", "teacher", "camera", "worker", "busy"];

/** @typedef {{title: string, help: string, buttons: {action: string, label: string}[]}} Notice */

/**
 * @param {HTMLElement} section   holds #notice-title, #notice-help and #notice-buttons
 * @param {Record<string, Notice>} words
 * @param {(action: string) => void} act   a button was pressed
 */
export function noticeBoard(section, words, act) {
  const title = section.querySelector("#notice-title");
  const help = section.querySelector("#notice-help");
  const buttons = section.querySelector("#notice-buttons");
  const said = new Map();
  let shown = null;

  function button({ action, label }) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "button";
    made.textContent = label;
    made.addEventListener("click", () => act(action));
    return made;
  }

  function draw() {
    const place = PLACES.find((each) => said.has(each));
    const notice = place ? said.get(place) : null;
    if (notice === shown) return;
    shown = notice;
    section.hidden = !notice;
    section.dataset.place = place ?? "";
    title.textContent = notice?.title ?? "";
    help.textContent = notice?.help ?? "";
    help.hidden = !notice?.help;
    buttons.replaceChildren(...(notice?.buttons ?? []).map(button));
  }

  return {
    /** `instead` is a whole sentence from the server that says it better. */
    say(place, key, instead = "") {
      const known = words[key] ?? { title: instead, help: "", buttons: [] };
      said.set(place, instead ? { ...known, title: instead, help: "" } : known);
      draw();
    },
    clear(place) {
      if (said.delete(place)) draw();
    },
  };
}
