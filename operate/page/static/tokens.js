// Tokens: got as an app gets them, taken apart, and judged by PowerSync's rules.

import { act, askAsAnApp } from './asking.js';
import { button, byId, copyButton, element, say } from './elements.js';

const DEVICE = 'powersync-auth-device-token';
const MARKS = new Map([[true, '✓'], [false, '✗'], [null, '·']]);
const KINDS = new Map([[true, 'pass'], [false, 'fail'], [null, 'skip-step']]);

let about = null;

export function showWays(stack) {
  about = stack;
  const anonymous = about.anonymous_token_path;
  const again = way('As the same device again', sameDevice);
  again.id = 'same-device';
  again.hidden = !anonymous || !localStorage.getItem(DEVICE);
  byId('token-ways').replaceChildren(
    ...(about.can_sign_in ? [way(`As ${about.username}`, signedIn)] : []),
    ...(anonymous ? [way('As a new anonymous device', newDevice), again] : []),
  );
  byId('token-others').replaceChildren(...missing(), asAnybody(), another());
}

const way = (text, work) => button(text, work, { failed });

function missing() {
  const hints = [];
  if (!about.can_sign_in) {
    hints.push(about.username
      ? `${about.username} has another password by now: sign in with your app.`
      : 'There is no user to sign in: createUserPool: true in the configuration makes a user pool.');
  }
  if (!about.anonymous_token_path) {
    hints.push('Anonymous tokens are off: anonymous: {enabled: true} in the configuration allows them.');
  }
  return hints.map((hint) => element('p', { class: 'soft' }, hint));
}

async function signedIn() {
  say(byId('token-outcome'), 'Signing in…');
  const { login } = await act('login');
  await given(await askAsAnApp(about.token_path, { Authorization: `Bearer ${login}` }));
}

async function newDevice() {
  await device({});
}

async function sameDevice() {
  await device({ 'X-Anonymous-Token': localStorage.getItem(DEVICE) });
}

async function device(headers) {
  say(byId('token-outcome'), 'Asking…');
  const answer = await askAsAnApp(about.anonymous_token_path, headers);
  if (answer.body.deviceToken) {
    localStorage.setItem(DEVICE, answer.body.deviceToken);
    byId('same-device').hidden = false;
  }
  await given(answer);
}

async function given({ status, body }) {
  if (status !== 200) {
    const why = [body.error, body.error_description ?? body.message].filter(Boolean).join(': ');
    throw new Error(`No token: ${status} ${why}. The reason is among the requests below.`);
  }
  await judge(body.token);
}

function failed(error) {
  byId('token-shown').hidden = true;
  say(byId('token-outcome'), error.message, 'bad');
}

function asAnybody() {
  const sub = element('input', { id: 'anybody-sub', value: 'user-1', autocomplete: 'off', spellcheck: 'false' });
  const role = element('input', { id: 'anybody-role', value: 'authenticated', autocomplete: 'off', spellcheck: 'false' });
  const claims = element('input', { id: 'anybody-claims', placeholder: '{"org": "x"}', autocomplete: 'off', spellcheck: 'false' });
  return element('details', {},
    element('summary', {}, 'As anybody, to try sync rules'),
    element('div', { class: 'fields' },
      element('label', {}, 'sub', sub),
      element('label', {}, 'role', role),
      element('label', {}, 'more claims, as JSON', claims),
      way('Get it', async () => {
        const { token } = await act('token', { sub: sub.value, role: role.value, claims: claims.value });
        await judge(token);
      })));
}

function another() {
  const given = element('textarea', { id: 'another-token', autocomplete: 'off', spellcheck: 'false', placeholder: 'eyJ…' });
  return element('details', {},
    element('summary', {}, 'Look at a token that you have'),
    element('div', { class: 'fields' },
      element('label', { class: 'wide' }, 'a PowerSync token', given),
      way('Judge it', () => judge(given.value))));
}

async function judge(token) {
  const told = await act('verdict', { token });
  say(byId('token-outcome'), '');
  const { check } = told;
  const good = check.ok === true;
  byId('token-shown').replaceChildren(
    element('div', {},
      element('div', { class: 'verdict' },
        element('h3', {}, 'PowerSync says'),
        element('span', { id: 'verdict', class: `chip ${good ? 'good' : 'bad'}` }, good ? 'accepted' : `refused ${check.code ?? ''}`.trim()),
        element('span', { class: 'soft' }, check.seen.replace(/^accepted: /, ''))),
      ...(good ? [] : [element('p', {}, check.means), element('p', {}, element('strong', {}, '→ '), check.do)]),
      element('ol', { class: 'steps' }, (check.steps ?? []).map((step) =>
        element('li', { class: KINDS.get(step.ok) },
          element('span', { class: 'mark', 'aria-hidden': 'true' }, MARKS.get(step.ok)),
          element('span', {}, element('span', { class: 'mono' }, step.name), ` – ${step.seen}`))))),
    part('Header', told.header),
    part('Claims', told.claims),
    element('div', {},
      element('div', { class: 'line' }, element('h3', {}, 'As it is sent'), copyButton(() => token, 'the token')),
      element('p', { class: 'raw mono', id: 'raw-token' }, ...segments(token))),
  );
  byId('token-shown').hidden = false;
}

function part(title, rows) {
  if (!rows.length) return null;
  return element('div', {},
    element('h3', {}, title),
    element('dl', { class: 'claims' }, rows.map(({ name, value, means }) =>
      element('div', {},
        element('dt', {}, name),
        element('dd', { class: 'value' }, typeof value === 'string' ? value : JSON.stringify(value)),
        element('dd', { class: 'means' }, means)))));
}

function segments(token) {
  const [head, payload, ...signature] = token.split('.');
  if (payload === undefined) return [token];
  return [element('span', { class: 'head-part' }, `${head}.`), payload, element('span', { class: 'signature' }, `.${signature.join('.')}`)];
}
