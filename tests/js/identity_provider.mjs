// A real OpenID provider (oidc-provider) on loopback, for tests that sign users in.
//
// Prints one line of JSON, {"issuer": …}, when it is ready; ends with its input.
// Clients `RS256`, `ES256` and `EdDSA` get ID tokens signed with that algorithm; with the resource
// RESOURCE they get JWT access tokens. /control lets a test rotate the keys, break the provider, and
// count what it was asked:
//   POST /control/rotate           new keys sign from now on; the old ones stay published
//   POST /control/fault?kind=…     how the metadata and the keys are answered ('' heals, and ends what
//                                  still hangs)
//   GET  /control/requests         how often each path was asked for

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';

import { createLocalJWKSet, jwtVerify } from 'jose';
import { Provider } from 'oidc-provider';
import MemoryAdapter from 'oidc-provider/lib/adapters/memory_adapter.js';

const RESOURCE = 'https://powersync.test';
const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'];
const HUGE = 50 * 1024 * 1024;
// How long an answer hangs, or drips: longer than any test should wait. Then it is over.
const HANGS_MS = 300_000;

// Its warnings about development settings would hide the tests' own output.
console.warn = console.info = () => {};

const generate = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
};

const newKeys = () =>
  ALGORITHMS.map((alg) => ({
    ...generate[alg]().privateKey.export({ format: 'jwk' }),
    kid: `${alg}-${randomUUID()}`,
    alg,
    use: 'sig',
  }));

const withoutSecret = ({ kty, kid, alg, use, crv, x, y, n, e }) => ({ kty, kid, alg, use, crv, x, y, n, e });

// Sessions and grants outlive a rotation, as they would in a database.
class SharedStorage extends MemoryAdapter {}

function provider(issuer, keys) {
  const oidc = new Provider(issuer, {
    adapter: SharedStorage,
    jwks: { keys },
    clients: ALGORITHMS.map((alg) => ({
      client_id: alg,
      redirect_uris: ['https://app.test/callback'],
      post_logout_redirect_uris: [],
      token_endpoint_auth_method: 'none',
      id_token_signed_response_alg: alg,
    })),
    cookies: { keys: ['for tests only'] },
    routes: { userinfo: '/session/userinfo' },
    scopes: ['openid', 'sync'],
    claims: { openid: ['sub', 'roles', 'https://app.test/organisation'] },
    conformIdTokenClaims: false,
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, roles: ['editor'], 'https://app.test/organisation': { id: 7 } }),
    }),
    extraTokenClaims: (_, token) => ({ sid: token.sessionUid }),
    features: {
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource, client) => ({
          scope: 'sync',
          audience: resource,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: client.clientId } },
        }),
        useGrantedResource: () => true,
      },
    },
  });
  // oidc-provider's own userinfo takes opaque tokens only. This answers as userinfo of providers
  // with JWT access tokens does: 200 while the session lives in the provider's store, else 401.
  const published = createLocalJWKSet({ keys: keys.map(withoutSecret) });
  oidc.use(async (ctx, next) => {
    if (ctx.path !== '/session/userinfo') return next();
    try {
      const token = ctx.get('authorization').replace(/^Bearer /, '');
      const { payload } = await jwtVerify(token, published, { issuer, audience: RESOURCE });
      const session = await oidc.Session.findByUid(payload.sid);
      if (session?.accountId !== payload.sub) throw new Error('the session has ended');
      ctx.body = { sub: payload.sub };
    } catch (error) {
      ctx.status = 401;
      ctx.body = { error: 'invalid_token', error_description: error.message };
    }
  });
  return oidc;
}

const hanging = new Set();

// Has an answer end after HANGS_MS, or when the provider is healed, unless the client hangs up.
function atTheEnd(socket, end, drops) {
  const finish = () => {
    over();
    end();
  };
  const timer = setTimeout(finish, HANGS_MS);
  const over = () => {
    clearTimeout(timer);
    clearInterval(drops);
    hanging.delete(finish);
  };
  hanging.add(finish);
  socket.on('close', over);
}

const faults = {
  error: (response) => response.writeHead(500).end('{}'),
  garbage: (response) => response.writeHead(200).end('<html>not what you wanted</html>'),
  redirect: (response) => response.writeHead(302, { Location: '/elsewhere' }).end(),
  slow: (response) => atTheEnd(response.socket, () => response.writeHead(200).end('{}')),
  drip(response) {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    const timer = setInterval(() => response.write(' '), 200);
    atTheEnd(response.socket, () => response.end('{}'), timer);
  },
  'drip-headers'(response) {
    const { socket } = response;
    socket.write('HTTP/1.1 200 OK\r\n');
    const timer = setInterval(() => socket.write('X-Drip: 1\r\n'), 200);
    socket.on('error', () => {});
    atTheEnd(socket, () => socket.end('\r\n{}'), timer);
  },
  huge(response) {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.on('error', () => {});
    response.end(`{"keys": [], "padding": "${'x'.repeat(HUGE)}"}`);
  },
};

const server = createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

let keys = newKeys();
let current = provider(issuer, keys).callback();
let fault = '';
const requests = {};

server.on('request', async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, issuer);
  if (pathname.startsWith('/control/')) {
    await buffer(request);
    if (pathname === '/control/rotate') {
      keys = [...newKeys(), ...keys];
      current = provider(issuer, keys).callback();
    } else if (pathname === '/control/fault') {
      fault = searchParams.get('kind');
      for (const finish of hanging) finish();
    }
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(requests));
    return;
  }
  requests[pathname] = (requests[pathname] ?? 0) + 1;
  const breakable = ['/jwks', '/session/userinfo', '/.well-known/openid-configuration'];
  if (fault && breakable.includes(pathname)) faults[fault](response);
  else current(request, response);
});

process.stdin.resume().on('end', () => process.exit(0));
console.log(JSON.stringify({ issuer, resource: RESOURCE }));
