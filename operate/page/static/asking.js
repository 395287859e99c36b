// What the page asks of the stack.

/** The stack has an answer, and it is no. */
export class Refused extends Error {}

/** There is no stack to answer, or it is only being started. */
export class NotThere extends Error {
  constructor(message, starting = false) {
    super(message);
    this.starting = starting;
  }
}

export const ask = (path) => send(path, { method: 'GET' });

export const act = (path, body = {}) =>
  send(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });

async function send(path, options) {
  let response;
  try {
    response = await fetch(`/page/${path}`, options);
  } catch {
    throw new NotThere('The stack does not answer.');
  }
  if (response.status === 503) throw new NotThere('The stack is being started.', true);
  if (response.ok) return response.json();
  const text = await response.text();
  throw new Refused(errorIn(text) || `The stack failed with ${response.status}; its terminal says why.`);
}

function errorIn(text) {
  try {
    return JSON.parse(text).error;
  } catch {
    return '';
  }
}

/** A request as an app sends it: to the stack itself. Returns the status and the JSON. */
export async function askAsAnApp(path, headers = {}) {
  let response;
  try {
    response = await fetch(path, { method: 'POST', headers });
  } catch {
    throw new NotThere('The stack does not answer.');
  }
  const body = await response.json().catch(() => ({}));
  return { status: response.status, body };
}
