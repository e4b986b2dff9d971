/** Which of the labels over a chart are written, where two would stand in one place. */

const LETTER_PX = 7;

/** Times travel as the server's wall clock; Plotly, too, reads them without a zone. */
export function ms(time) {
  return Date.parse(`${time.replace(" ", "T")}Z`);
}

/**
 * Labels over the chart; of those that would be written over one another the newest stays. The
 * server tells them in order, so of two in one second that is the later in the list.
 */
export function readable(notes, range, width) {
  if (!range) return notes;
  const px = (time) => ((ms(time) - range[0]) / (range[1] - range[0])) * width;
  const long = ({ text }) => (text.length + 1) * LETTER_PX;
  // Close to the right end a label stands to the left of its moment.
  const begins = (note) => px(note.x) - (note.xanchor === "right" ? long(note) : 0);
  const labels = notes.filter((note) => note.name === "label");
  const inTime = labels.filter((note) => px(note.x) >= 0);
  const newestFirst = inTime.reverse().sort((a, b) => px(b.x) - px(a.x));
  let free = Infinity;
  const kept = new Set(
    newestFirst.filter((note) => {
      if (begins(note) + long(note) > free) return false;
      free = begins(note);
      return true;
    }),
  );
  return notes.filter((note) => note.name !== "label" || kept.has(note));
}
