// A whole rotation to watch, within two minutes.

import { act, ask } from './asking.js';
import { confirmed } from './dialogue.js';
import { button, byId, element, say } from './elements.js';
import { keysNow, show as showKeys } from './keys.js';
import { clock, duration, now } from './times.js';

const SOON = 120;
const COMMAND = 'LOCAL_CONFIG=examples/short-times.yaml make local';

let about = null;
let watching = false;
let shown = ''; // what the buttons are for

const short = (kid) => kid.slice(0, 8);

export function showWatch(stack) {
  about = stack ?? about;
  if (watching || !about) return;
  const possible = keysNow().rotation_possible_at;
  const soon = possible - now() <= SOON;
  const look = `${soon || possible} ${about.has_short_times}`;
  if (look === shown) return; // and the focus of the keyboard stays
  shown = look;
  byId('watch-says').textContent = soon
    ? 'Takes a token, rotates, and takes another: another key has signed it, and PowerSync accepts both.'
    : `A rotation may come at ${clock(possible)}. With short times one can be watched within two minutes; keys and users stay as they are.`;
  byId('watch-actions').replaceChildren(
    ...(soon ? [button('Watch a rotation', watch, { failed })] : []),
    ...(soon || about.has_short_times ? [] : [button('Restart with short times…', () => restart(true), { failed })]),
    ...(about.has_short_times ? [button('Back to the usual times…', () => restart(false), { kind: 'quiet', failed })] : []),
  );
}

const failed = (error) => say(byId('watch-outcome'), error.message, 'bad');

async function restart(short) {
  const configured = about.config_file && short ? [`${about.config_file}, which configures it now, is not used meanwhile.`] : [];
  const wanted = await confirmed({
    title: short ? 'Restart the stack with short times?' : 'Restart the stack with its usual times?',
    points: [
      'It is away for some seconds. Its URLs, keys, users and their passwords stay.',
      ...(short
        ? ['A key may sign 20 s after it was published, and tokens live for a minute.', `In a terminal it is ${COMMAND}`]
        : ['A new key has to wait for an hour again before it signs.']),
      ...configured,
    ],
    action: 'Restart',
  });
  if (!wanted) return;
  await act('restart', { short });
  say(byId('watch-outcome'), 'Restarting; this page goes on by itself.');
}

async function watch() {
  watching = true;
  say(byId('watch-outcome'), '');
  byId('watch-steps').replaceChildren();
  try {
    const before = await step('A token before', async (tell) => {
      const token = await take();
      tell(`signed by key ${short(token.kid)}`);
      return token;
    });
    await step('Waiting until the next key may sign', (tell) => untilPossible(tell));
    await step('Rotating', async (tell) => {
      const told = await act('rotate');
      showKeys(told.status);
      tell(`key ${short(told.status.keys.find((key) => key.state === 'current').kid)} signs now`);
    });
    const after = await step('A token after', async (tell) => {
      const token = await take();
      tell(`signed by key ${short(token.kid)}`);
      return token;
    });
    await step('PowerSync and both tokens', async (tell) => {
      const verdicts = await Promise.all([before, after].map(({ token }) => act('verdict', { token })));
      const refused = verdicts.find(({ check }) => check.ok !== true);
      if (refused) throw new Error(refused.check.seen);
      tell('accepts both');
    });
    say(byId('watch-outcome'), 'The keys have rotated, and no token was refused.', 'good');
  } finally {
    watching = false;
  }
}

/** A token by the key that signs now: the functions may go on with the former one for minutes. */
async function take() {
  const { token } = await act('token', { sub: 'user-1', role: 'authenticated', claims: '' });
  const padded = token.split('.')[0].replaceAll('-', '+').replaceAll('_', '/');
  return { token, kid: JSON.parse(atob(padded)).kid };
}

async function untilPossible(tell) {
  showKeys(await ask('keys'));
  for (;;) {
    const wait = keysNow().rotation_possible_at - now();
    if (wait <= 0) break;
    tell(`${duration(wait)} to go`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  tell('it may');
}

async function step(name, work) {
  const seen = element('span', {});
  const mark = element('span', { class: 'mark', 'aria-hidden': 'true' }, '·');
  const line = element('li', { class: 'wait' }, mark, element('span', {}, `${name}: `, seen));
  byId('watch-steps').append(line);
  const end = (kind, sign) => {
    line.className = kind;
    mark.textContent = sign;
  };
  try {
    const result = await work((text) => (seen.textContent = text));
    end('pass', '✓');
    return result;
  } catch (error) {
    end('fail', '✗');
    throw error;
  }
}
