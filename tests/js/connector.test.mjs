import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';

import { TokenConnector } from '../../docs/clients/connector.ts';

let url;
let requests;
// What the token service says next; the last one stays. Each is [status, body, headers], or a
// function that gets the response and may leave it open.
let answers;
const server = createServer((request, response) => {
  requests.push(request);
  response.setHeader('Connection', 'close'); // so no test waits for what another one left open
  const next = answers.length > 1 ? answers.shift() : answers[0];
  if (typeof next === 'function') return next(response);
  const [status, body, headers] = next;
  response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
});

before(async () => {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${server.address().port}`;
});
after(() => server.close());
beforeEach(() => (requests = []));

const TOKEN = {
  token: 'a.b.c',
  powersync_url: 'https://instance.test',
  endpoint: 'https://instance.test',
  expiresAt: 1_800_000_300,
  userId: 'alice',
};
const uploadData = async () => {};

const signedIn = (credential, more) =>
  new TokenConnector({ tokenUrl: `${url}/token`, credential, uploadData, ...more });
const anonymous = (storage) =>
  new TokenConnector({ anonymousTokenUrl: `${url}/token/anonymous`, storage, uploadData });

/** Like `localStorage`. */
function memoryStorage() {
  const items = new Map();
  return {
    getItem: (name) => items.get(name) ?? null,
    setItem: (name, value) => void items.set(name, String(value)),
    removeItem: (name) => void items.delete(name),
  };
}

/** Like React Native's AsyncStorage: each step is done some time after the call. */
function asyncStorage() {
  const storage = memoryStorage();
  const later = (step) => async (...args) => {
    await new Promise(setImmediate);
    return step(...args);
  };
  return Object.fromEntries(Object.entries(storage).map(([name, step]) => [name, later(step)]));
}

/** A login that gives a new credential whenever it is asked to refresh. */
function freshEachTime() {
  let made = 0;
  return async ({ refresh }) => `credential ${refresh ? ++made : made}`;
}

test("hands the user's credential over and gives the SDK what it reads", async () => {
  answers = [[200, TOKEN]];
  const credentials = await signedIn(async () => 'credential').fetchCredentials();
  assert.deepEqual(credentials, {
    endpoint: 'https://instance.test',
    token: 'a.b.c',
    expiresAt: new Date(1_800_000_300_000),
  });
  assert.equal(requests[0].headers.authorization, 'Bearer credential');
});

test('signed out, there are no credentials, and nothing is asked', async () => {
  assert.equal(await signedIn(async () => null).fetchCredentials(), null);
  assert.equal(requests.length, 0);
});

test('refused, it asks once more, with a fresh credential', async () => {
  answers = [[401, { error: 'invalid_token' }], [200, TOKEN]];
  const connector = signedIn(async ({ refresh }) => (refresh ? 'fresh' : 'stale'));
  assert.equal((await connector.fetchCredentials()).token, 'a.b.c');
  const sent = requests.map((request) => request.headers.authorization);
  assert.deepEqual(sent, ['Bearer stale', 'Bearer fresh']);
});

test('refused twice: said once, and nothing is asked while it lasts', async () => {
  answers = [[401, { error: 'invalid_token' }]];
  let signedOut = 0;
  const connector = signedIn(async () => 'credential', { onSignedOut: () => signedOut++ });
  for (let call = 0; call < 10; call += 1) assert.equal(await connector.fetchCredentials(), null);
  assert.equal(requests.length, 2);
  assert.equal(signedOut, 1);
});

test('two calls at once, and more, are one: two requests, signed out once', async () => {
  answers = [[401, { error: 'invalid_token' }]];
  let signedOut = 0;
  const connector = signedIn(async () => 'credential', { onSignedOut: () => signedOut++ });
  const calls = Array.from({ length: 10 }, () => connector.fetchCredentials());
  assert.deepEqual(new Set(await Promise.all(calls)), new Set([null]));
  assert.equal(requests.length, 2);
  assert.equal(signedOut, 1);
});

for (const [name, refreshed, kept] of [
  ['the fresh one', 'fresh', 'fresh'],
  ['the stale one, though there was a fresh one', 'fresh', 'stale'],
  ['the stale one, as there is no fresh one', null, 'stale'],
]) {
  test(`refused for good, the login goes on giving ${name}`, async () => {
    answers = [[401, { error: 'invalid_token' }]];
    let current = 'stale';
    let signedOut = 0;
    const credential = async ({ refresh }) => (refresh ? refreshed : current);
    const connector = signedIn(credential, { onSignedOut: () => signedOut++ });
    assert.equal(await connector.fetchCredentials(), null);
    const asked = requests.length;
    current = kept;
    for (let call = 0; call < 9; call += 1) assert.equal(await connector.fetchCredentials(), null);
    assert.equal(requests.length, asked);
    assert.equal(signedOut, 1);
  });
}

test('refused, another credential is asked with, and so is the refused one after it', async () => {
  answers = [[401, {}], [401, {}], [200, TOKEN], [401, {}]];
  let credential = 'old';
  let signedOut = 0;
  const connector = signedIn(async () => credential, { onSignedOut: () => signedOut++ });
  assert.equal(await connector.fetchCredentials(), null);
  credential = 'new';
  assert.equal((await connector.fetchCredentials()).token, 'a.b.c');
  assert.equal(requests.at(-1).headers.authorization, 'Bearer new');
  credential = 'old';
  for (let call = 0; call < 10; call += 1) assert.equal(await connector.fetchCredentials(), null);
  assert.equal(requests.length, 5);
  assert.equal(signedOut, 2);
});

/** Lets the test move the clock, and takes the jitter out. */
function clockOf(context) {
  context.mock.timers.enable({ apis: ['Date'], now: 1_800_000_000_000 });
  context.mock.method(Math, 'random', () => 0);
  return { pass: (seconds) => context.mock.timers.tick(seconds * 1000) };
}

/** Calls as the SDK does while it has no token, every 5 s; when each request came, in seconds. */
async function callFor(connector, seconds, clock) {
  const times = [];
  for (let second = 0; second < seconds; second += 5) {
    const before = requests.length;
    await connector.fetchCredentials().catch(() => null);
    for (let n = before; n < requests.length; n += 1) times.push(second);
    clock.pass(5);
  }
  return times;
}

// A provider's new key may be unknown for a while, and an operator may correct an audience.
test('refused, a credential is asked with again, each time after twice as long', async (context) => {
  const clock = clockOf(context);
  answers = [[401, {}], [401, {}], [401, {}], [200, TOKEN]];
  let signedOut = 0;
  const connector = signedIn(async () => 'credential', { onSignedOut: () => signedOut++ });
  assert.equal(await connector.fetchCredentials(), null);
  clock.pass(9.999);
  assert.equal(await connector.fetchCredentials(), null);
  assert.equal(requests.length, 2);
  clock.pass(0.001);
  assert.equal(await connector.fetchCredentials(), null);
  assert.equal(requests.length, 3);
  clock.pass(20);
  assert.equal((await connector.fetchCredentials()).token, 'a.b.c');
  assert.equal(requests.at(-1).headers.authorization, 'Bearer credential');
  assert.equal(signedOut, 1);
});

for (const [name, credential] of [
  ['is the same one', async () => 'credential'],
  ['is fresh after each refusal', freshEachTime()],
  ['is another one at each call', ((made) => async () => `credential ${made++}`)(0)],
  ['cannot be refreshed', async ({ refresh }) => (refresh ? null : 'credential')],
]) {
  test(`refused for an hour, a credential that ${name}: said once`, async (context) => {
    const clock = clockOf(context);
    answers = [[401, {}]];
    let signedOut = 0;
    const connector = signedIn(credential, { onSignedOut: () => signedOut++ });
    const times = await callFor(connector, 3600, clock);
    assert.ok(times.filter((time) => time < 60).length <= 4, String(times));
    assert.ok(times.length <= 20, String(times));
    assert.ok(times.length >= 10, String(times));
    assert.equal(signedOut, 1);
  });
}

for (const [name, answer] of [
  ...[400, 403, 404, 429, 500, 503].map((status) => [`${status}`, [status, {}]]),
  ['no token', [200, {}]],
]) {
  for (const [who, connector] of [
    ['a user', () => signedIn(async () => 'credential')],
    ['a device', () => anonymous(memoryStorage())],
  ]) {
    test(`answered ${name} for an hour, ${who} asks ever less often`, async (context) => {
      const clock = clockOf(context);
      answers = [answer];
      const times = await callFor(connector(), 3600, clock);
      assert.deepEqual(times.slice(0, 7), [0, 5, 15, 35, 75, 155, 315]);
      assert.equal(times.length, 17);
    });
  }

  test(`answered ${name} for an hour, another credential cuts one wait short`, async (context) => {
    const clock = clockOf(context);
    answers = [answer];
    let made = 0;
    const times = await callFor(signedIn(async () => `credential ${made++}`), 3600, clock);
    assert.deepEqual(times.slice(0, 6), [0, 5, 10, 50, 130, 290]);
    assert.equal(times.length, 17);
  });
}

test('a token ends the waiting: the next failure is the first one again', async (context) => {
  const clock = clockOf(context);
  answers = [[500, {}], [500, {}], [200, TOKEN], [500, {}], [200, TOKEN]];
  const connector = signedIn(async () => 'credential');
  await assert.rejects(connector.fetchCredentials(), /HTTP 500/);
  clock.pass(5);
  await assert.rejects(connector.fetchCredentials(), /HTTP 500/);
  clock.pass(10);
  assert.equal((await connector.fetchCredentials()).token, 'a.b.c');
  clock.pass(240);
  await assert.rejects(connector.fetchCredentials(), /HTTP 500/);
  clock.pass(5);
  assert.equal((await connector.fetchCredentials()).token, 'a.b.c');
});

test("the app's own call ends the waiting, and a refusal is said again", async () => {
  answers = [[401, {}], [401, {}], [401, {}], [401, {}], [503, {}], [200, TOKEN]];
  let signedOut = 0;
  const connector = signedIn(async () => 'credential', { onSignedOut: () => signedOut++ });
  assert.equal(await connector.fetchCredentials(), null);
  connector.retryNow();
  assert.equal(await connector.fetchCredentials(), null);
  assert.equal(signedOut, 2);
  connector.retryNow();
  await assert.rejects(connector.fetchCredentials(), /HTTP 503/);
  connector.retryNow();
  assert.equal((await connector.fetchCredentials()).token, 'a.b.c');
});

test('signed out and in again: nobody waits', async () => {
  answers = [[500, {}], [200, TOKEN]];
  let credential = 'alice';
  const connector = signedIn(async () => credential);
  await assert.rejects(connector.fetchCredentials(), /HTTP 500/);
  credential = null;
  assert.equal(await connector.fetchCredentials(), null);
  credential = 'alice';
  assert.equal((await connector.fetchCredentials()).token, 'a.b.c');
});

test('all clients do not come back at the same moment', async (context) => {
  context.mock.timers.enable({ apis: ['Date'], now: 1_800_000_000_000 });
  context.mock.method(Math, 'random', () => 0.999);
  answers = [[500, {}], [200, TOKEN]];
  const connector = signedIn(async () => 'credential');
  await assert.rejects(connector.fetchCredentials(), /HTTP 500/);
  context.mock.timers.tick(7_490);
  await assert.rejects(connector.fetchCredentials(), /nothing is asked before/);
  context.mock.timers.tick(10);
  assert.equal((await connector.fetchCredentials()).token, 'a.b.c');
});

test('a clock that is put back makes nobody wait for it', async (context) => {
  const clock = clockOf(context);
  answers = [[500, {}], [500, {}], [200, TOKEN]];
  const connector = signedIn(async () => 'credential');
  await assert.rejects(connector.fetchCredentials(), /HTTP 500/);
  context.mock.timers.setTime(1_800_000_000_000 - 86_400_000);
  await assert.rejects(connector.fetchCredentials(), /HTTP 500/);
  await assert.rejects(connector.fetchCredentials(), /nothing is asked before 2027-01-14/);
  clock.pass(10);
  assert.equal((await connector.fetchCredentials()).token, 'a.b.c');
});

// The SDK asks early, drops the answer, reconnects, and asks again at once.
test('a second call right after a token gets the same one, once', async (context) => {
  const clock = clockOf(context);
  answers = [[200, TOKEN]];
  const connector = signedIn(async () => 'credential');
  const first = await connector.fetchCredentials();
  clock.pass(0.1);
  assert.equal(await connector.fetchCredentials(), first);
  assert.equal(requests.length, 1);
  await connector.fetchCredentials();
  assert.equal(requests.length, 2);
  clock.pass(4);
  await connector.fetchCredentials();
  assert.equal(requests.length, 3);
});

test('a token that PowerSync has refused is not given again', async () => {
  answers = [[200, TOKEN]];
  const connector = signedIn(async () => 'credential');
  await connector.fetchCredentials();
  connector.invalidateCredentials();
  await connector.fetchCredentials();
  assert.equal(requests.length, 2);
});

test("a user's token is not given to the next user", async () => {
  answers = [[200, TOKEN]];
  let credential = 'alice';
  const connector = signedIn(async () => credential);
  await connector.fetchCredentials();
  credential = 'bob';
  await connector.fetchCredentials();
  assert.equal(requests.at(-1).headers.authorization, 'Bearer bob');
});

test('refused, then accepted, then refused: said twice', async (context) => {
  const clock = clockOf(context);
  answers = [[401, {}], [401, {}], [200, TOKEN], [401, {}]];
  let signedOut = 0;
  const connector = signedIn(async () => 'credential', { onSignedOut: () => signedOut++ });
  assert.equal(await connector.fetchCredentials(), null);
  clock.pass(10);
  assert.equal((await connector.fetchCredentials()).token, 'a.b.c');
  connector.invalidateCredentials();
  assert.equal(await connector.fetchCredentials(), null);
  assert.equal(signedOut, 2);
});

test('refused, then another failure, then refused: said once', async (context) => {
  const clock = clockOf(context);
  answers = [[401, {}], [401, {}], [500, {}], [401, {}]];
  let signedOut = 0;
  const connector = signedIn(async () => 'credential', { onSignedOut: () => signedOut++ });
  assert.equal(await connector.fetchCredentials(), null);
  clock.pass(10);
  await assert.rejects(connector.fetchCredentials(), /HTTP 500/);
  clock.pass(20);
  assert.equal(await connector.fetchCredentials(), null);
  assert.equal(requests.length, 4);
  assert.equal(signedOut, 1);
});

test('signed out, one can go on as an anonymous user', async () => {
  answers = [[401, {}], [401, {}], [200, { ...TOKEN, token: 'anonymous' }]];
  let credential = 'credential';
  const anonymousTokenUrl = `${url}/token/anonymous`;
  const connector = signedIn(async () => credential, { anonymousTokenUrl });
  assert.equal(await connector.fetchCredentials(), null);
  credential = null;
  assert.equal((await connector.fetchCredentials()).token, 'anonymous');
});

test('two calls at once, for two users, do not share an answer', async () => {
  const open = [];
  answers = [(response) => open.push(response)];
  let credential = 'alice';
  const connector = signedIn(async () => credential);
  const alice = connector.fetchCredentials();
  await once(server, 'request');
  credential = 'bob';
  const bob = connector.fetchCredentials();
  await once(server, 'request');
  open[1].end(JSON.stringify({ ...TOKEN, token: "bob's" }));
  open[0].end(JSON.stringify({ ...TOKEN, token: "alice's" }));
  assert.deepEqual([(await alice).token, (await bob).token], ["alice's", "bob's"]);
});

for (const [status, headers, seconds] of [
  [503, { 'Retry-After': '7' }, 7],
  [429, { 'Retry-After': '7' }, 7],
  [429, {}, 5], // API Gateway sends none
  [503, { 'Retry-After': '1' }, 5],
  [503, { 'Retry-After': '600' }, 600],
  [403, { 'Retry-After': '86400' }, 3600],
]) {
  const name = `throttled, ${status} ${JSON.stringify(headers)}: nothing is asked for a while`;
  test(name, async (context) => {
    answers = [[status, { message: 'try later' }, headers], [200, TOKEN]];
    context.mock.timers.enable({ apis: ['Date'], now: 1_800_000_000_000 });
    const connector = signedIn(async () => 'credential');
    await assert.rejects(connector.fetchCredentials(), new RegExp(`HTTP ${status} try later`));
    context.mock.timers.tick(seconds * 1000 - 1);
    await assert.rejects(connector.fetchCredentials(), /nothing is asked before 2027-01-15T0/);
    assert.equal(requests.length, 1);
    context.mock.timers.tick(seconds * 500 + 1);
    assert.equal((await connector.fetchCredentials()).token, 'a.b.c');
    assert.equal(requests.length, 2);
  });
}

test('signed out while it has to wait: null, without waiting', async () => {
  answers = [[503, {}]];
  let credential = 'credential';
  const connector = signedIn(async () => credential);
  await assert.rejects(connector.fetchCredentials(), /HTTP 503/);
  credential = null;
  assert.equal(await connector.fetchCredentials(), null);
});

test('it needs no AbortSignal.timeout: React Native has none', async (context) => {
  const { timeout } = AbortSignal;
  context.after(() => (AbortSignal.timeout = timeout));
  delete AbortSignal.timeout;
  answers = [[200, TOKEN]];
  assert.equal((await signedIn(async () => 'credential').fetchCredentials()).token, 'a.b.c');
});

for (const [name, answer] of [
  ['no answer', () => {}],
  ['an answer that does not end', (response) => response.writeHead(200).write('{')],
]) {
  test(`${name} is given up after 15 s`, async (context) => {
    answers = [answer];
    const { fetch } = globalThis;
    let response;
    context.mock.method(globalThis, 'fetch', (...args) => (response = fetch(...args)));
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const gaveUp = assert.rejects(
      signedIn(async () => 'credential').fetchCredentials(),
      /no answer within 15 s/,
    );
    await once(server, 'request');
    if (name !== 'no answer') await response;
    await new Promise(setImmediate);
    context.mock.timers.tick(14_999);
    await new Promise(setImmediate);
    assert.equal(requests[0].destroyed, false);
    context.mock.timers.tick(1);
    await gaveUp;
  });
}

test('offline, it throws, so the SDK retries, and nobody has to sign in', async (context) => {
  const clock = clockOf(context);
  answers = [(response) => response.destroy()];
  let signedOut = 0;
  const connector = signedIn(async () => 'credential', { onSignedOut: () => signedOut++ });
  const times = await callFor(connector, 600, clock);
  // A minute at most: nobody is burdened by who reaches nobody.
  assert.deepEqual(times, [0, 5, 15, 35, 75, 135, 195, 255, 315, 375, 435, 495, 555]);
  await assert.rejects(
    (connector.retryNow(), connector.fetchCredentials()),
    /No PowerSync token: fetch failed/,
  );
  assert.equal(signedOut, 0);
});

for (const body of ['<html>Welcome to our Wi-Fi</html>', {}]) {
  test(`200 with ${JSON.stringify(body)} is no token, and no other user`, async () => {
    answers = [[200, { ...TOKEN, deviceToken: 'first' }], [200, body], [200, TOKEN]];
    const connector = anonymous(memoryStorage());
    await connector.fetchCredentials();
    connector.retryNow();
    await assert.rejects(connector.fetchCredentials(), /HTTP 200 without a token/);
    connector.retryNow();
    await connector.fetchCredentials();
    assert.equal(requests[2].headers['x-anonymous-token'], 'first');
  });
}

for (const [kind, storageOf] of [
  ['synchronous', memoryStorage],
  ['asynchronous', asyncStorage],
]) {
  test(`an anonymous device shows its last device token, from ${kind} storage`, async () => {
    answers = [
      [200, { ...TOKEN, deviceToken: 'first' }],
      [200, { ...TOKEN, deviceToken: 'second' }],
    ];
    const connector = anonymous(storageOf());
    for (let call = 0; call < 3; call += 1) {
      await connector.fetchCredentials();
      connector.invalidateCredentials();
    }
    assert.equal(requests[0].headers.authorization, undefined);
    const shown = requests.map((request) => request.headers['x-anonymous-token']);
    assert.deepEqual(shown, [undefined, 'first', 'second']);
  });

  test(`what the former connector kept in ${kind} storage is exchanged once`, async () => {
    answers = [[503, {}], [200, { ...TOKEN, deviceToken: 'device' }]];
    const storage = storageOf();
    await storage.setItem('powersync-anonymous-token', 'former');
    const connector = anonymous(storage);
    await assert.rejects(connector.fetchCredentials(), /HTTP 503/);
    for (let call = 0; call < 2; call += 1) {
      connector.retryNow();
      await connector.fetchCredentials();
    }
    const shown = requests.map((request) => request.headers['x-anonymous-token']);
    assert.deepEqual(shown, ['former', 'former', 'device']);
    assert.equal(await storage.getItem('powersync-anonymous-token'), null);
  });

  test(`anonymous upgrade, the device token is shown too, until ${kind} storage forgets it`, async () => {
    answers = [[200, { ...TOKEN, deviceToken: 'device' }], [200, TOKEN]];
    let credential = null;
    const connector = signedIn(async () => credential, {
      anonymousTokenUrl: `${url}/token/anonymous`,
      storage: storageOf(),
    });
    await connector.fetchCredentials();
    credential = 'credential';
    await connector.fetchCredentials();
    await connector.forgetAnonymousUser();
    connector.invalidateCredentials();
    await connector.fetchCredentials();
    assert.deepEqual(requests.map((r) => r.url), ['/token/anonymous', '/token', '/token']);
    assert.equal(requests[1].headers['x-anonymous-token'], 'device');
    assert.equal(requests[2].headers['x-anonymous-token'], undefined);
  });
}

test('where all anonymous users share a subject, there is nothing to keep', async () => {
  answers = [[200, TOKEN]];
  const storage = memoryStorage();
  await anonymous(storage).fetchCredentials();
  assert.equal(storage.getItem('powersync-device-token'), null);
});

test('storage that fails is an error: each token would be for another user', async (context) => {
  const clock = clockOf(context);
  answers = [[200, { ...TOKEN, deviceToken: 'device' }]];
  const full = async () => Promise.reject(new Error('storage is full'));
  const storage = { getItem: async () => null, setItem: full, removeItem: full };
  const connector = anonymous(storage);
  await assert.rejects(connector.fetchCredentials(), /storage is full/);
  await assert.rejects(connector.forgetAnonymousUser(), /storage is full/);
  assert.ok((await callFor(connector, 60, clock)).length <= 3);
});

test('two calls at once, a new device is one anonymous user', async () => {
  answers = [[200, { ...TOKEN, token: 'first' }], [200, { ...TOKEN, token: 'second' }]];
  const connector = anonymous(asyncStorage());
  const calls = [connector.fetchCredentials(), connector.fetchCredentials()];
  const tokens = (await Promise.all(calls)).map(({ token }) => token);
  assert.deepEqual(tokens, ['first', 'first']);
  assert.equal(requests.length, 1);
});
