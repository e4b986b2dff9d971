/**
 * Puts into a value what the server says is new in it; dashboard/changes.py makes it and tells
 * the form. The old value is left as it is, so that what still draws it is not disturbed.
 */

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

export function applied(old, change) {
  if (!isObject(change)) return change;
  if ("=" in change) return change["="];
  if (Array.isArray(old)) return inList(old, change);
  const next = { ...(isObject(old) ? old : {}) };
  for (const [key, value] of Object.entries(change)) next[key] = applied(next[key], value);
  return next;
}

function inList(old, { keep, add, at }) {
  if (add) return [...old.slice(0, keep), ...add];
  const next = [...old];
  for (const [place, value] of Object.entries(at)) next[place] = applied(next[place], value);
  return next;
}
