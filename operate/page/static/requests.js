// The last requests to the stack, as they come.

import { ask } from './asking.js';
import { byId, element } from './elements.js';
import { clock, duration } from './times.js';

const SHOWN = 200;
const rows = new Map();
let run = null;
let revision = 0;

/** Asks for what is new; resolves to whether it is another run of the stack than before. */
export async function loadRequests() {
  let told = await ask(`requests?after=${revision}`);
  const isAnother = run !== null && told.run !== run;
  if (isAnother) {
    rows.clear();
    byId('request-list').replaceChildren();
    told = await ask('requests?after=0');
  }
  const first = run === null || isAnother;
  run = told.run;
  revision = told.revision;
  for (const request of told.requests) show(request, !first);
  byId('request-none').hidden = rows.size > 0;
  return isAnother;
}

function show(request, isNew) {
  const row = element('li', { class: isNew && !rows.has(request.number) ? 'new' : null }, ...cells(request));
  const former = rows.get(request.number);
  if (former) former.replaceWith(row);
  else byId('request-list').prepend(row);
  rows.set(request.number, row);
  if (rows.size > SHOWN) {
    const oldest = Math.min(...rows.keys());
    rows.get(oldest).remove();
    rows.delete(oldest);
  }
}

function cells(request) {
  const refused = request.status >= 400;
  const what = request.action ? `${request.action} (sign-in)` : request.path;
  return [
    element('time', { datetime: new Date(request.at * 1000).toISOString() }, clock(request.at)),
    element('span', { class: `status ${refused ? 'no' : 'ok'}` }, String(request.status)),
    element('span', { class: 'what' }, `${request.method} ${what}`),
    element('span', { class: 'from' }, `${agent(request.agent)} ${request.client}`.trim()),
    element('span', { class: 'took' }, took(request.seconds)),
    ...(request.refusal ? [element('p', { class: 'why' }, 'answered: ', request.refusal)] : []),
    ...request.reasons.map((reason) =>
      element('p', { class: 'why' }, 'the log: ', refused ? element('strong', {}, reason) : reason)),
  ];
}

function agent(text) {
  if (!text) return '';
  return text.startsWith('Mozilla/') ? 'browser' : text.split(/[ /]/)[0];
}

const took = (seconds) => (seconds < 1 ? `${Math.max(1, Math.round(seconds * 1000))} ms` : duration(seconds));
