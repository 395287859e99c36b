// The signing keys: where they are in their lives, and what can be done with them.

import { act, ask } from './asking.js';
import { confirmed } from './dialogue.js';
import { button, byId, element, say, working } from './elements.js';
import { timeline } from './timeline.js';
import { clock, duration, fromNow, now } from './times.js';

let status = null;
let about = null;

const short = (kid) => kid.slice(0, 8);
const inState = (state) => status.keys.find((key) => key.state === state);
export const keysNow = () => status;

export function startKeys() {
  byId('rotate').addEventListener('click', () => pressed(byId('rotate'), rotate));
  byId('revoke-all').addEventListener('click', () => pressed(byId('revoke-all'), () => revoke(null)));
  new ResizeObserver(drawTimeline).observe(byId('timeline'));
  setInterval(drawTimes, 1000);
}

export async function loadKeys(stack) {
  about = stack ?? about;
  show(await ask('keys'));
}

export function show(told) {
  const isAsBefore = JSON.stringify({ ...status, now: 0 }) === JSON.stringify({ ...told, now: 0 });
  status = told;
  // What has not changed stays, and with it the focus of the keyboard.
  if (!isAsBefore) byId('key-list').replaceChildren(...byUse(status.keys).map(card));
  say(byId('keys-problems'), problems());
  drawTimes();
}

/** What of the JWKS is not as the ring has it. */
function problems() {
  const told = (status.problems ?? []).map(({ kid, problem, detail }) =>
    `Problem: ${kid ? `key ${short(kid)} is ` : ''}${problem}${detail ? `: ${detail}` : ''}`);
  if (!told.length) return '';
  return [...told, 'The rotate function puts it right as soon as it can publish; make logs FUNCTION=rotate has what is in its way.'].join('\n');
}

/** Those that are worked with first; of former ones the latest. */
function byUse(keys) {
  const of = (state) => keys.filter((key) => key.state === state);
  return [...of('current'), ...of('next'), ...of('previous').reverse()];
}

const pressed = (made, work) =>
  working(made, work, (error) => say(byId('keys-outcome'), error.message, 'bad'));

function drawTimeline() {
  const place = byId('timeline');
  if (status && place.clientWidth) place.replaceChildren(timeline(place.clientWidth, status));
}

/** What changes by itself as time goes by. */
function drawTimes() {
  if (!status || document.hidden) return;
  drawTimeline();
  for (const place of document.querySelectorAll('[data-from-now]')) {
    place.textContent = fromNow(Number(place.dataset.fromNow));
  }
  byId('keys-summary').textContent = summary();
}

function summary() {
  const signs = `Key ${short(inState('current').kid)} signs.`;
  if (status.change_in_progress) return `${signs} A change of the keys is under way.`;
  const possible = status.rotation_possible_at;
  if (possible <= now()) return `${signs} A rotation may come now.`;
  return `${signs} The next rotation may come at ${clock(possible)}, in ${duration(possible - now())}.`;
}

function card(key) {
  const moments = [
    ['published', key.published_at],
    [key.state === 'current' ? 'signs since' : 'signed since', key.signing_since],
    ['signed until', key.stopped_signing_at],
    ['leaves the JWKS', key.leaves_at],
    ['may sign', key.state === 'next' && status.rotation_possible_at > now() ? status.rotation_possible_at : null],
  ].filter(([, at]) => at != null);
  return element('article', { class: 'key', 'aria-label': `Key ${short(key.kid)}, ${key.state}` },
    element('header', {},
      element('span', { class: `chip ${key.state}` }, key.state),
      element('span', { class: 'alg' }, key.alg)),
    element('p', { class: 'kid' }, key.kid),
    element('dl', {}, moments.flatMap(([name, at]) => [
      element('dt', {}, name),
      element('dd', {}, clock(at), ' ', element('span', { class: 'soft' }, '(', element('span', { 'data-from-now': at }, fromNow(at)), ')')),
    ])),
    element('div', { class: 'actions' },
      button('Revoke…', () => revoke(key), {
        kind: 'danger small',
        failed: (error) => say(byId('keys-outcome'), error.message, 'bad'),
      })));
}

async function rotate() {
  show(await ask('keys'));
  const wait = status.rotation_possible_at - now();
  const [current, next] = [inState('current'), inState('next')];
  if (status.change_in_progress === null && wait > 0) {
    await confirmed({
      title: 'Too early for a rotation',
      points: [
        `Key ${short(next.kid)} may sign from ${clock(status.rotation_possible_at)} on, in ${duration(wait)}.`,
        'Until then a PowerSync instance that is idle may not have fetched it, and would refuse its tokens.',
        'If the current key must go now, revoke it. To watch a rotation, use short times: see below the keys.',
      ],
    });
    return;
  }
  const wanted = await confirmed({
    title: 'Rotate the keys?',
    points: [
      `Key ${short(next.kid)} signs new tokens. The functions read the keys anew within ${duration(about.keyring_cache)}.`,
      `Key ${short(current.kid)} signs no more, and stays published until about ${clock(now() + about.retain_after_signing)}, when its last token has expired. No valid token is refused.`,
      `A new next key is made and published. It may sign ${duration(about.publish_before_signing)} later.`,
    ],
    action: 'Rotate',
  });
  if (!wanted) return;
  say(byId('keys-outcome'), 'Rotating…');
  const told = await act('rotate');
  show(told.status);
  const done = `Rotated: key ${short(inState('current').kid)} signs now.`;
  say(byId('keys-outcome'), told.rotated ? done : 'A change that was left behind is finished; the same key signs as before.', 'good');
}

async function revoke(key) {
  const wanted = await confirmed({
    title: key ? `Revoke key ${short(key.kid)}?` : 'Revoke every key?',
    points: [...whatARevocationDoes(key), ...whatPowerSyncDoes(key)],
    action: key ? 'Revoke this key' : 'Revoke every key',
    danger: true,
  });
  if (!wanted) return;
  say(byId('keys-outcome'), 'Revoking…');
  const told = await act('revoke', key ? { kid: key.kid } : { all: true });
  show(told.status);
  const left = Object.keys(told.not_restarted);
  say(
    byId('keys-outcome'),
    [
      `Revoked ${told.revoked.map(short).join(', ')}; key ${short(told.current)} signs.`,
      told.restarted.length ? `Restarted ${told.restarted.length} functions, which have forgotten it.` : '',
      left.length ? `Not restarted: ${left.join(', ')}.` : '',
      told.current_known_to_all_verifiers_at > told.now
        ? `It had to take over before its time: until ${clock(told.current_known_to_all_verifiers_at)} an idle PowerSync may refuse its tokens.`
        : '',
    ].filter(Boolean).join('\n'),
    'good',
  );
}

function whatARevocationDoes(key) {
  const early = status.rotation_possible_at > now();
  if (!key) {
    return [
      'Every key is replaced, and every token of this stack becomes invalid, those of devices too: anonymous users begin anew.',
      'Clients fail until PowerSync has fetched the new keys.',
    ];
  }
  if (key.state === 'next') {
    return [
      'It has signed nothing, so no token becomes invalid.',
      `A new next key is made; a rotation has to wait for it, until about ${clock(now() + about.publish_before_signing)}.`,
    ];
  }
  if (key.state === 'previous') return ['Tokens that it has signed become invalid, also those that have not expired.'];
  return [
    'All tokens that it has signed become invalid. Apps fetch new ones when PowerSync refuses them.',
    `Key ${short(inState('next').kid)} takes over at once${early ? ', before its time: a PowerSync that does not know it yet may refuse its tokens at first' : ''}.`,
  ];
}

function whatPowerSyncDoes(key) {
  if (key?.state === 'next') return [];
  const idle = about.jwks_max_age + about.verifier_cache;
  return [
    `PowerSync forgets it when its cache ends: after ${duration(idle)} at most. A restart of it forgets at once.`,
    'If the key leaked, restart it now: a revocation ends no stream that is open, and who has the key may have opened one.',
    'The functions are restarted, so that they forget it too. This cannot be undone.',
  ];
}
