import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';

import { TokenConnector } from '../../docs/clients/connector.ts';

let url;
let requests;
let answers; // what the token service says next, each [status, body, headers]; the last one stays
const server = createServer((request, response) => {
  requests.push(request);
  const [status, body, headers] = answers.length > 1 ? answers.shift() : answers[0];
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

function memoryStorage() {
  const items = new Map();
  return {
    getItem: (name) => items.get(name) ?? null,
    setItem: (name, value) => items.set(name, value),
    removeItem: (name) => items.delete(name),
  };
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

test('a signed-out user has no credentials, and nothing is asked', async () => {
  assert.equal(await signedIn(async () => null).fetchCredentials(), null);
  assert.equal(requests.length, 0);
});

test('after 401 it asks once more, with a fresh credential', async () => {
  answers = [[401, { error: 'invalid_token' }], [200, TOKEN]];
  const connector = signedIn(async ({ refresh }) => (refresh ? 'fresh' : 'stale'));
  assert.equal((await connector.fetchCredentials()).token, 'a.b.c');
  const sent = requests.map((request) => request.headers.authorization);
  assert.deepEqual(sent, ['Bearer stale', 'Bearer fresh']);
});

test('a second 401 means signed out, and it does not go on asking', async () => {
  answers = [[401, { error: 'invalid_token' }]];
  let signedOut = 0;
  const connector = signedIn(async () => 'credential', { onSignedOut: () => signedOut++ });
  assert.equal(await connector.fetchCredentials(), null);
  assert.equal(requests.length, 2);
  assert.equal(signedOut, 1);
});

for (const [status, headers] of [
  [503, { 'Retry-After': '1' }],
  [429, { 'Retry-After': '1' }],
]) {
  test(`${status} is an error, and the next request waits for Retry-After`, async () => {
    answers = [[status, { error_description: 'try later' }, headers], [200, TOKEN]];
    const connector = signedIn(async () => 'credential');
    await assert.rejects(connector.fetchCredentials(), new RegExp(`HTTP ${status} try later`));
    const begin = Date.now();
    assert.equal((await connector.fetchCredentials()).token, 'a.b.c');
    assert.ok(Date.now() - begin >= 990);
    assert.equal(requests.length, 2);
  });
}

test('429 of API Gateway, without Retry-After, waits too', async (context) => {
  answers = [[429, { message: 'Too Many Requests' }]];
  const connector = signedIn(async () => 'credential');
  await assert.rejects(connector.fetchCredentials(), /HTTP 429 Too Many Requests/);
  context.mock.timers.enable({ apis: ['setTimeout'] });
  let settled = false;
  const next = connector.fetchCredentials().catch(() => (settled = true));
  context.mock.timers.tick(4_500);
  await new Promise(setImmediate);
  assert.equal(requests.length, 1);
  context.mock.timers.tick(3_500);
  context.mock.timers.reset();
  await next;
  assert.ok(settled);
  assert.equal(requests.length, 2);
});

test('another failure is an error, which the SDK retries', async () => {
  answers = [[500, 'no JSON']];
  await assert.rejects(signedIn(async () => 'credential').fetchCredentials(), /HTTP 500/);
  assert.equal(requests.length, 1);
});

test('an anonymous device shows its last token, so it stays the same user', async () => {
  answers = [[200, { ...TOKEN, token: 'first' }], [200, { ...TOKEN, token: 'second' }]];
  const anonymousTokenUrl = `${url}/token/anonymous`;
  const storage = memoryStorage();
  const connector = new TokenConnector({ anonymousTokenUrl, storage, uploadData });
  await connector.fetchCredentials();
  await connector.fetchCredentials();
  assert.equal(requests[0].headers.authorization, undefined);
  assert.equal(requests[0].headers['x-anonymous-token'], undefined);
  assert.equal(requests[1].headers['x-anonymous-token'], 'first');
});

test('who signs in shows the anonymous token beside the credential, until it is forgotten', async () => {
  answers = [[200, { ...TOKEN, token: 'anonymous' }], [200, TOKEN]];
  let credential = null;
  const connector = signedIn(async () => credential, {
    anonymousTokenUrl: `${url}/token/anonymous`,
    storage: memoryStorage(),
  });
  await connector.fetchCredentials();
  credential = 'credential';
  await connector.fetchCredentials();
  connector.forgetAnonymousUser();
  await connector.fetchCredentials();
  assert.deepEqual(requests.map((r) => r.url), ['/token/anonymous', '/token', '/token']);
  assert.equal(requests[1].headers['x-anonymous-token'], 'anonymous');
  assert.equal(requests[2].headers['x-anonymous-token'], undefined);
});
