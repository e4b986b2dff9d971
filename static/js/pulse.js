/**
 * The class in one word, its arrow and its coverage, drawn into any root that has the parts: the
 * live page and the pop-out window show the same.
 */

import { icon, setIcon } from "./icon.js";
import { setText } from "./dom.js";

const ARROWS = { rising: "arrow-up-right", holding: "arrow-right", falling: "arrow-down-right" };
const MOST_DOTS = 60;

/** "fffhho" cut to a number of dots that fits, in proportion. */
export function fewer(dots, most = MOST_DOTS) {
  if (dots.length <= most) return dots;
  return Array.from({ length: most }, (_, at) => dots[Math.floor((at * dots.length) / most)]).join("");
}

export function pulseView(root) {
  const part = (name) => root.querySelector(`[data-part="${name}"]`);
  const arrowIcon = icon("arrow-right");
  part("arrow-icon")?.replaceChildren(arrowIcon);
  let drawnDots = null;

  function newDot() {
    const dot = root.ownerDocument.createElement("span");
    dot.className = "dot";
    return dot;
  }

  function drawDots(dots) {
    const wanted = fewer(dots);
    const strip = part("dots");
    if (!strip || wanted === drawnDots) return;
    drawnDots = wanted;
    while (strip.childElementCount > wanted.length) strip.lastElementChild.remove();
    Array.from(wanted, (kind, at) => {
      const dot = strip.children[at] ?? strip.appendChild(newDot());
      if (dot.dataset.is !== kind) dot.dataset.is = kind;
    });
  }

  return {
    /** @param {{key: string, word: string, line: string, grey: boolean, arrow: string, arrow_word: string}} pulse */
    pulse(pulse) {
      const level = pulse.grey && !pulse.word ? "grey" : pulse.key || "grey";
      root.dataset.level = level;
      part("shape").dataset.level = level;
      setText(part("word"), pulse.word);
      setText(part("line"), pulse.line);
      part("arrow").hidden = !pulse.arrow;
      setText(part("arrow-word"), pulse.arrow_word);
      if (pulse.arrow) setIcon(arrowIcon, ARROWS[pulse.arrow] ?? "arrow-right");
    },
    coverage(coverage) {
      setText(part("coverage"), coverage.words);
      drawDots(coverage.dots ?? "");
    },
    worker(worker) {
      const line = part("worker");
      if (!line) return;
      line.dataset.state = worker.state;
      setText(line, worker.words);
    },
  };
}
