// The documented connector under the real SDK, `@powersync/node`, for an hour that takes seconds.
//
// ALL_ANSWERS=1 counts for every answer without a token, not only one of each kind: `make retries`.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { column, PowerSyncDatabase, Schema, Table } from '@powersync/node';

import { TokenConnector } from '../../docs/clients/connector.ts';

const documented = await readFile(new URL('../../docs/clients/README.md', import.meta.url), 'utf8');
const SECOND = 1000;

/** As `context.mock.method`, which keeps a stack trace of each call: far too slow for these. */
function replace(context, object, name, replacement) {
  const original = object[name];
  object[name] = replacement;
  context.after(() => (object[name] = original));
}

/**
 * Takes over the clock. The SDK's waits after a failure (5 s, up to a tenth less or more) do not pass
 * but are handed to `onWait` with the function that ends them; `move` moves the clock.
 */
function takeClock(context, onWait) {
  let now = Date.now();
  replace(context, Date, 'now', () => now);
  replace(context, Math, 'random', () => 0); // the shortest waits: nobody asks more often
  const { setTimeout } = globalThis;
  replace(context, globalThis, 'setTimeout', (callback, delay, ...args) => {
    if (delay < 4.5 * SECOND || delay > 5.5 * SECOND) return setTimeout(callback, delay, ...args);
    onWait({ end: callback, at: now + delay });
  });
  return { now: () => now, move: (to) => (now = to) };
}

async function listen(context, answer) {
  const server = createServer(answer);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  context.after(() => (server.closeAllConnections(), server.close()));
  return `http://127.0.0.1:${server.address().port}`;
}

async function database(context, name) {
  const dbLocation = await mkdtemp(join(tmpdir(), 'powersync-'));
  const opened = new PowerSyncDatabase({
    schema: new Schema({ notes: new Table({ text: column.text }) }),
    database: {
      dbFilename: `${name}.db`,
      dbLocation,
      implementation: { type: 'node:sqlite' },
      readWorkerCount: 1,
    },
    logger: { log() {} }, // each failure is an error there
  });
  context.after(async () => {
    await opened.close();
    await rm(dbLocation, { recursive: true });
  });
  return opened;
}

const uploadData = async () => {};
const signedIn = (tokenUrl) =>
  new TokenConnector({ tokenUrl, credential: async () => 'credential', uploadData });

/** As a connector is written at first: it asks whenever it is called. */
const simple = (tokenUrl) => ({
  fetchCredentials: async () => {
    const response = await fetch(tokenUrl, { headers: { Authorization: 'Bearer credential' } });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const { endpoint, token } = await response.json();
    return { endpoint, token };
  },
  uploadData,
});

/** An origin that nobody listens at. */
async function nowhere() {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

/**
 * Connects a device for each answer, a status or 'no network', and lets the SDK try for so many
 * seconds. Gives when each device asked, in seconds from the start.
 */
async function askedBy(context, answers, connectorFor, seconds) {
  const asked = Object.fromEntries(answers.map((answer) => [answer, []]));
  let waits = [];
  let allWait;
  const everybodyWaits = () => new Promise((resolve) => (allWait = resolve));
  const clock = takeClock(context, (wait) => {
    waits.push(wait);
    if (waits.length === answers.length) allWait();
  });
  const start = clock.now();
  const passed = () => (clock.now() - start) / SECOND;

  const origin = await listen(context, (request, response) => {
    const status = request.url.slice(1);
    asked[status].push(passed());
    response.writeHead(Number(status)).end('{}');
  });
  const dead = await nowhere();
  const { fetch } = globalThis;
  replace(context, globalThis, 'fetch', (url, ...args) => {
    if (url.startsWith(dead)) asked['no network'].push(passed());
    return fetch(url, ...args);
  });

  let waiting = everybodyWaits();
  for (const answer of answers) {
    const opened = await database(context, answer);
    const url = answer === 'no network' ? dead : `${origin}/${answer}`;
    opened.connect(connectorFor(url)); // it resolves once there is a connection, or at the end
  }
  for (await waiting; passed() < seconds; await waiting) {
    waiting = everybodyWaits();
    const ended = waits;
    waits = [];
    clock.move(Math.max(...ended.map(({ at }) => at)));
    ended.forEach(({ end }) => end());
  }
  return asked;
}

const within = (seconds, times) => times.filter((time) => time < seconds).length;

test('without a token: at most 4 requests in a minute, 20 in an hour', async (context) => {
  const all = ['401', '403', '404', '429', '500', '503', 'no network'];
  const answers = process.env.ALL_ANSWERS ? all : ['401', '500', 'no network'];
  const asked = await askedBy(context, answers, signedIn, 3600);
  for (const [answer, times] of Object.entries(asked)) {
    const row = `| ${answer} | ${within(60, times)} | ${within(3600, times)} |`;
    context.diagnostic(row);
    assert.ok(within(60, times) <= 4, row);
    // Without a network nobody gets these; so the bound is for the others.
    if (answer !== 'no network') assert.ok(times.length <= 20, row);
    assert.ok(times.length >= 10, row);
    assert.ok(documented.includes(row), `docs/clients/README.md has another row than ${row}`);
  }
});

test('a connector that asks whenever it is called: 12 a minute and more', async (context) => {
  const asked = await askedBy(context, ['500'], simple, 60);
  context.diagnostic(`${within(60, asked['500'])} requests in the first minute`);
  assert.ok(within(60, asked['500']) >= 12);
});

/**
 * Keeps a device connected for so many seconds to a stand-in for PowerSync that tells every 20 s
 * how long the token still lives, as PowerSync does. Gives how many tokens were asked for, and how
 * many streams were opened.
 */
async function refreshes(context, connectorFor, { lifetime, seconds }) {
  let tokens = 0;
  let streams = 0;
  let opened;
  const clock = takeClock(context, () => assert.fail('the SDK waits, as after a failure'));
  const start = clock.now();
  const origin = await listen(context, (request, response) => {
    if (request.url === '/token') {
      tokens += 1;
      const expiresAt = clock.now() / SECOND + lifetime;
      response.end(JSON.stringify({ token: String(expiresAt), endpoint: origin, expiresAt }));
    } else if (request.url === '/sync/stream') {
      streams += 1;
      const expiresAt = Number(request.headers.authorization.split(' ')[1]);
      response.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
      opened({
        left: () => expiresAt - clock.now() / SECOND,
        tell: (left) => response.write(`{"token_expires_in":${Math.floor(left)}}\n`),
      });
    } else {
      response.writeHead(404).end();
    }
  });
  let next = new Promise((resolve) => (opened = resolve));
  (await database(context, 'stream')).connect(connectorFor(`${origin}/token`));
  let stream = await next;
  while (clock.now() - start < seconds * SECOND) {
    next = new Promise((resolve) => (opened = resolve));
    stream.tell(stream.left());
    if (stream.left() <= 30) {
      stream = await next; // the SDK opens another one, with another token
    } else {
      clock.move(clock.now() + 20 * SECOND);
    }
  }
  return { tokens, streams };
}

test('a token is asked for once for each stream, though the SDK calls twice', async (context) => {
  const time = { lifetime: 60, seconds: 830 };
  const { tokens, streams } = await refreshes(context, signedIn, time);
  const counted = `${tokens} requests for ${streams} streams`;
  context.diagnostic(counted);
  assert.equal(tokens, streams);
  assert.ok(streams >= 20);
  assert.ok(documented.includes(counted), `docs/clients/README.md does not say ${counted}`);
});

test('a connector that asks whenever it is called asks twice for each stream', async (context) => {
  const { tokens, streams } = await refreshes(context, simple, { lifetime: 60, seconds: 830 });
  context.diagnostic(`${tokens} requests for ${streams} streams`);
  assert.equal(tokens, 2 * streams - 1);
  assert.ok(documented.includes(`makes ${tokens}.`));
});

test('a token that PowerSync has just refused is not given to the SDK again', async (context) => {
  takeClock(context, ({ end }) => setImmediate(end)); // no time passes: the last token is fresh
  const shown = [];
  let made = 0;
  let accepted;
  const origin = await listen(context, (request, response) => {
    if (request.url === '/token') {
      made += 1;
      response.end(JSON.stringify({ token: `token ${made}`, endpoint: origin, expiresAt: 2e9 }));
    } else if (request.url === '/sync/stream') {
      shown.push(request.headers.authorization);
      response.writeHead(shown.length < 3 ? 401 : 200).write('\n');
      if (shown.length < 3) response.end();
      else accepted();
    }
  });
  const third = new Promise((resolve) => (accepted = resolve));
  (await database(context, 'refused')).connect(signedIn(`${origin}/token`));
  await third;
  assert.deepEqual(shown, ['Token token 1', 'Token token 2', 'Token token 3']);
});
