/** What a teacher does goes over http, not over the socket: it has an answer, and it may fail. */

function token() {
  return document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
}

/**
 * @param {string} url
 * @param {object} [fields]
 * @returns {Promise<object>} the answer; throws an Error with the server's words
 */
export function post(url, fields = {}) {
  return answered(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": token(), Accept: "application/json" },
    body: JSON.stringify(fields),
  });
}

/** Reads instead of doing; the answer is the same kind. */
export function read(url) {
  return answered(url, { headers: { Accept: "application/json" } });
}

async function answered(url, request) {
  const unanswered = document.body.dataset.unanswered ?? "";
  const response = await fetch(url, request).catch(() => null);
  if (!response) throw new Error(unanswered);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error || unanswered);
  return answer;
}
