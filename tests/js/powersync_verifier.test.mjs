import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { SignJWT, UnsecuredJWT, base64url, exportJWK, generateKeyPair } from 'jose';

import { AuthorizationError, KeyCache, cacheTimes, importKeySet } from './key_cache.mjs';
import { PowerSyncVerifier } from './powersync_verifier.mjs';

const AUDIENCE = 'https://instance.powersync.test';
const NOW = 1_800_000_000; // epoch seconds
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512'].map((alg) => ({ alg })),
  { alg: 'EdDSA', crv: 'Ed25519' },
  { alg: 'EdDSA', crv: 'Ed448' },
];

async function signingKey(alg, kid, options) {
  const pair = await generateKeyPair(alg, { extractable: true, ...options });
  return { ...pair, kid, alg, jwk: { ...(await exportJWK(pair.publicKey)), kid, alg, use: 'sig' } };
}

const claimsAt = (now) => ({ sub: 'alice', aud: AUDIENCE, iat: now, exp: now + 300 });

function sign({ privateKey, alg, kid }, claims = claimsAt(NOW), header = {}) {
  return new SignJWT(claims).setProtectedHeader({ alg, kid, ...header }).sign(privateKey);
}

/** A verifier whose JWKS endpoint and clock the test holds in its hands. */
function instance(jwks) {
  const world = { jwks, now: NOW, fetched: 0 };
  const load = async () => {
    world.fetched += 1;
    if (world.jwks instanceof Error) throw world.jwks;
    return importKeySet(await world.jwks);
  };
  const cache = new KeyCache(load, cacheTimes(3600), () => world.now * 1000);
  const verifier = new PowerSyncVerifier({ cache, audiences: ['other', AUDIENCE] });
  return Object.assign(world, { cache, verify: (token) => verifier.verify(token) });
}

const refused = (code) => (error) => error instanceof AuthorizationError && error.code === code;
const settled = () => new Promise((resolve) => setImmediate(resolve));

let one; // two keys of the algorithm that most tests need; making them is cheap
let two;
before(async () => {
  [one, two] = [await signingKey('ES256', 'one'), await signingKey('ES256', 'two')];
});

for (const { alg, crv } of ALGORITHMS) {
  test(`accepts a good ${crv ?? alg} token, refuses it with another signature`, async () => {
    const key = await signingKey(alg, 'kid', { crv });
    const impostor = await signingKey(alg, 'kid', { crv });
    const { verify } = instance({ keys: [key.jwk] });
    assert.equal((await verify(await sign(key))).sub, 'alice');
    await assert.rejects(verify(await sign(impostor)), refused('PSYNC_S2101'));
  });
}

test('claims: what is refused, and with which code', async () => {
  const { verify } = instance({ keys: [one.jwk] });
  const good = claimsAt(NOW);
  const without = (name) => Object.fromEntries(Object.entries(good).filter(([key]) => key !== name));
  const cases = [
    [without('sub'), 'PSYNC_S2101'],
    [without('iat'), 'PSYNC_S2101'],
    [without('exp'), 'PSYNC_S2101'],
    [without('aud'), 'PSYNC_S2105'],
    [{ ...good, aud: 'https://elsewhere.test' }, 'PSYNC_S2105'],
    [{ ...good, aud: [] }, 'PSYNC_S2105'],
    [{ ...good, exp: NOW + 86401 }, 'PSYNC_S2104'],
    [{ ...good, iat: NOW - 300, exp: NOW - 60 }, 'PSYNC_S2103'],
    [{ ...good, nbf: NOW + 61 }, 'PSYNC_S2101'],
    [{ ...good, parameters: 'text' }, 'PSYNC_S2101'],
    [{ ...good, parameters: ['list'] }, 'PSYNC_S2101'],
  ];
  for (const [claims, code] of cases) {
    await assert.rejects(verify(await sign(one, claims)), refused(code), JSON.stringify(claims));
  }
  const accepted = [
    { ...good, aud: ['https://elsewhere.test', AUDIENCE] },
    { ...good, exp: NOW + 86400 },
    { ...good, iat: NOW - 300, exp: NOW - 59 },
    { ...good, parameters: { tier: 'gold' } },
    { ...good, iss: 'anything' },
  ];
  for (const claims of accepted) await verify(await sign(one, claims));
});

test('malformed, unsigned and missing tokens', async () => {
  const { verify } = instance({ keys: [one.jwk] });
  const [header, , signature] = (await sign(one)).split('.');
  const tampered = [header, base64url.encode('{"sub":"mallory"}'), signature].join('.');
  const unsigned = new UnsecuredJWT(claimsAt(NOW)).encode();
  for (const token of ['x', 'a.b.c', tampered, unsigned]) {
    await assert.rejects(verify(token), refused('PSYNC_S2101'), token);
  }
  await assert.rejects(verify(''), refused('PSYNC_S2106'));
});

test("the token's algorithm must be its key's, even where the key type would fit", async () => {
  const rsa = await signingKey('RS256', 'rsa');
  const { verify } = instance({ keys: [rsa.jwk] });
  await assert.rejects(verify(await sign({ ...rsa, alg: 'RS512' })), refused('PSYNC_S2101'));
  await assert.rejects(verify(await sign({ ...rsa, alg: 'PS256' })), refused('PSYNC_S2101'));
  const secret = new TextEncoder().encode('a public key must never serve as a secret');
  const confused = await sign({ privateKey: secret, alg: 'HS256', kid: 'rsa' });
  await assert.rejects(verify(confused), refused('PSYNC_S2101'));
});

test('keys for another purpose are left out, one broken key fails the set', async () => {
  const kids = async (...keys) => (await importKeySet({ keys })).map(({ kid }) => kid);
  assert.deepEqual(await kids(one.jwk, { ...two.jwk, use: 'enc' }), ['one']);
  assert.deepEqual(await kids(one.jwk, { ...two.jwk, key_ops: ['sign'] }), ['one']);
  assert.deepEqual(await kids(one.jwk, { kty: 'oct', k: 'c2VjcmV0', kid: 'shared' }), ['one']);
  assert.deepEqual(await kids(one.jwk, { ...two.jwk, key_ops: ['verify'] }), ['one', 'two']);
  await assert.rejects(kids(one.jwk, { ...two.jwk, x: 'AA' }), refused('PSYNC_S2201'));
  for (const document of [null, [], {}, { keys: {} }, { keys: ['text'] }]) {
    await assert.rejects(importKeySet(document), refused('PSYNC_S2204'));
  }
});

test('a key without a kid is tried on every token of its type', async () => {
  const { kid, alg, ...wildcard } = one.jwk;
  const { verify } = instance({ keys: [wildcard] });
  await verify(await sign(one));
  await assert.rejects(verify(await sign(two)), refused('PSYNC_S2101'));
});

test('after 5 min a request is judged by the keys at hand, and refetches beside it', async () => {
  const world = instance({ keys: [one.jwk] });
  await world.verify(await sign(one));
  world.jwks = { keys: [two.jwk] };
  world.now += 299;
  await world.verify(await sign(one, claimsAt(world.now)));
  assert.equal(world.fetched, 1);
  world.now += 1;
  await world.verify(await sign(one, claimsAt(world.now)));
  await settled();
  assert.equal(world.fetched, 2);
  await assert.rejects(world.verify(await sign(one, claimsAt(world.now))), refused('PSYNC_S2101'));
});

test('an idle instance judges by keys up to 60 min old, then waits for a fetch', async () => {
  const world = instance({ keys: [one.jwk] });
  await world.verify(await sign(one));
  world.jwks = { keys: [two.jwk] };
  world.now += 3600;
  const late = await sign(two, claimsAt(world.now));
  await assert.rejects(world.verify(late), refused('PSYNC_S2101'));

  const idle = instance({ keys: [one.jwk] });
  await idle.verify(await sign(one));
  idle.jwks = { keys: [two.jwk] };
  idle.now += 3601;
  await idle.verify(await sign(two, claimsAt(idle.now)));
});

test('an unknown kid fails, and its refresh serves the next request', async () => {
  const world = instance({ keys: [one.jwk] });
  await world.verify(await sign(one));
  world.jwks = { keys: [one.jwk, two.jwk] };
  world.now += 1; // the second refresh of a burst is granted after 0.6 s
  await assert.rejects(world.verify(await sign(two)), refused('PSYNC_S2101'));
  await settled();
  await world.verify(await sign(two));
});

test('a flood of unknown kids refetches a few times, then about once a minute', async () => {
  const world = instance({ keys: [one.jwk] });
  const unknown = await sign(two, { ...claimsAt(NOW), exp: NOW + 86400 });
  for (let second = 0; second < 3600; second += 1) {
    world.now = NOW + second;
    await assert.rejects(world.verify(unknown), refused('PSYNC_S2101'));
    await settled();
  }
  assert.ok(world.fetched >= 60 && world.fetched <= 71, `${world.fetched} fetches`);
});

test('a failed refresh keeps the keys until they are 60 min old', async () => {
  const world = instance({ keys: [one.jwk] });
  await world.verify(await sign(one));
  world.jwks = new AuthorizationError('PSYNC_S2204', 'out of reach');
  for (const age of [300, 1800, 3600]) {
    world.now = NOW + age;
    await world.verify(await sign(one, claimsAt(world.now)));
    await settled();
  }
  world.now = NOW + 3601;
  await assert.rejects(world.verify(await sign(one, claimsAt(world.now))), refused('PSYNC_S2204'));
});

test('a request waits 3 s for its first fetch; what comes later serves the next', async () => {
  let answer;
  const world = instance(new Promise((resolve) => (answer = resolve)));
  world.cache.times = { ...world.cache.times, wait: 20 };
  assert.equal(cacheTimes().wait, 3000);
  await assert.rejects(world.verify(await sign(one)), refused('PSYNC_S2204'));
  answer({ keys: [one.jwk] });
  await settled();
  await world.verify(await sign(one));
});

test('cache times keep their proportions when scaled', () => {
  const { expiry, backgroundRefresh, refreshPeriod } = cacheTimes(60);
  assert.deepEqual([expiry, backgroundRefresh, refreshPeriod], [60_000, 5_000, 1_000]);
});

test('over HTTP: only 2xx with JSON gives keys', async () => {
  let respond;
  const server = createServer((request, response) => respond(request, response));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => server.close());
  const uri = `http://127.0.0.1:${server.address().port}/jwks.json`;
  const judge = async () => {
    const verifier = PowerSyncVerifier.forUri(uri, [AUDIENCE], 3600, () => NOW * 1000);
    return verifier.verify(await sign(one));
  };
  const document = JSON.stringify({ keys: [one.jwk] });
  respond = (request, response) => {
    assert.equal(request.headers.accept, 'application/json');
    response.setHeader('Content-Type', 'text/plain').end(document);
  };
  await judge();
  respond = (_, response) => response.writeHead(500).end(document);
  await assert.rejects(judge(), refused('PSYNC_S2204'));
  respond = (_, response) => response.end('<html>');
  await assert.rejects(judge(), refused('PSYNC_S2204'));
  respond = (_, response) => response.destroy();
  await assert.rejects(judge(), refused('PSYNC_S2204'));
});
