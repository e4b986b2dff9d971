/**
 * The names of the bands at the right end of the mood mix, as words of the page over the chart:
 * Plotly would measure each of them, and lay the page out for it, with every ten seconds' redraw.
 */

import { make, setText } from "./dom.js";

const APART_PX = 6;

/** Where `share` of what lies between two margins ends; it holds at any size of the chart. */
const along = (share, before, after) => `calc(${before}px + (100% - ${before + after}px) * ${share.toFixed(4)})`;

/** As the chart itself they are for the eye; its table has the same in words. */
function newFrame(chart) {
  const frame = chart.appendChild(make("div", "end-labels"));
  frame.setAttribute("aria-hidden", "true");
  return frame;
}

function newLabel() {
  const label = make("span", "end-label");
  label.append(make("span", "", "■"), make("span"));
  return label;
}

/** @param {{text: string, color: string, y: number}[]} labels   y in per cent of the chart */
export function drawEndLabels(chart, labels, { share, margin }) {
  const frame = chart.querySelector(".end-labels") ?? newFrame(chart);
  while (frame.childElementCount > labels.length) frame.lastElementChild.remove();
  frame.style.left = along(share, margin.l + APART_PX, margin.r - APART_PX);
  labels.forEach(({ text, color, y }, at) => {
    const label = frame.children[at] ?? frame.appendChild(newLabel());
    label.style.top = along(1 - y / 100, margin.t, margin.b);
    label.firstElementChild.style.color = color;
    setText(label.lastElementChild, text);
  });
}
