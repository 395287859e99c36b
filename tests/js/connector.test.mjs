import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';

import { TokenConnector } from './connector.ts';

let tokenUrl;
let requests;
let answer; // what the token service says next: [status, body]
const server = createServer((request, response) => {
  requests.push(request);
  response.writeHead(answer[0]).end(JSON.stringify(answer[1]));
});

before(async () => {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  tokenUrl = `http://127.0.0.1:${server.address().port}/token`;
});
after(() => server.close());
beforeEach(() => (requests = []));

const connector = (accessToken) =>
  new TokenConnector({ tokenUrl, accessToken, uploadData: async () => {} });
const TOKEN = {
  token: 'a.b.c',
  powersync_url: 'https://instance.test',
  endpoint: 'https://instance.test',
  expiresAt: 1_800_000_300,
  userId: 'alice',
};

test("hands the user's credential over and gives the SDK what it reads", async () => {
  answer = [200, TOKEN];
  const credentials = await connector(async () => 'credential').fetchCredentials();
  assert.deepEqual(credentials, {
    endpoint: 'https://instance.test',
    token: 'a.b.c',
    expiresAt: new Date(1_800_000_300_000),
  });
  assert.equal(requests[0].headers.authorization, 'Bearer credential');
});

test('sends no credential for anonymous users', async () => {
  answer = [200, TOKEN];
  await connector(undefined).fetchCredentials();
  assert.equal(requests[0].headers.authorization, undefined);
});

test('a signed-out user has no credentials, and nothing is asked', async () => {
  assert.equal(await connector(async () => null).fetchCredentials(), null);
  assert.equal(requests.length, 0);
});

test('401 means signed out; other refusals are errors, which the SDK retries', async () => {
  answer = [401, { error: 'invalid_token' }];
  assert.equal(await connector(async () => 'expired').fetchCredentials(), null);
  answer = [503, { error: 'temporarily_unavailable' }];
  await assert.rejects(connector(async () => 'credential').fetchCredentials(), /HTTP 503/);
});
