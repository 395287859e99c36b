// Judges tokens as a PowerSync instance does, with the library it uses (jose 4.15).
//
//   node powersync_verifier.mjs --jwks-uri URI --audience AUD [--audience AUD]…
//                               [--verifier-cache-seconds 3600] [--fetch-seconds 30] [TOKEN]
//
// A fetch of the JWKS may take so many seconds, of which a request waits for 3. With
// --fetch-seconds both wait as long, for a machine that is busy with other things.
// With a TOKEN: one verdict on stdout; exit status 0 if it is accepted, 1 if not. Without: a line
// on stdin is a token, or {"token": "…", "now": epoch seconds} to let time pass, and each gets one
// line on stdout: {"ok", "code", "error", "sub", "kid", "alg", "refreshes"}, in the same order.
// The cache of keys lives as long as the process.

import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

import { compactVerify, decodeProtectedHeader, errors, jwtVerify } from 'jose';

import {
  AuthorizationError,
  KeyCache,
  SUPPORTED_ALGORITHMS,
  cacheTimes,
  fetchKeySet,
} from './key_cache.mjs';

const LONGEST_LIFETIME_SECONDS = 86400;
const CLOCK_TOLERANCE_SECONDS = 60;

/** Which of PowerSync's codes tells its user about an error of jose's. */
function authorizationError(error) {
  if (error instanceof AuthorizationError) return error;
  const wrap = (code, message) => new AuthorizationError(code, message, { cause: error });
  switch (error.code) {
    case errors.JWSInvalid.code:
    case errors.JWTInvalid.code:
      return wrap('PSYNC_S2101', 'Token is not a well-formed JWT');
    case errors.JWTClaimValidationFailed.code:
      return wrap('PSYNC_S2101', `Missing or invalid claim "${error.claim}"`);
    case errors.JWTExpired.code:
      return wrap('PSYNC_S2103', 'JWT has expired');
    default:
      return wrap('PSYNC_S2101', error.message);
  }
}

export class PowerSyncVerifier {
  /**
   * @param cache a KeyCache
   * @param audiences the instance's own: one of them must be in `aud`
   */
  constructor({ cache, audiences }) {
    this.cache = cache;
    this.audiences = audiences;
  }

  /** For a JWKS URI. `clock` gives milliseconds since the epoch. */
  static forUri(jwksUri, audiences, verifierCacheSeconds, clock = Date.now, patience = {}) {
    const times = { ...cacheTimes(verifierCacheSeconds), ...patience };
    const cache = new KeyCache(() => fetchKeySet(jwksUri, times.fetchTimeout), times, clock);
    return new PowerSyncVerifier({ cache, audiences });
  }

  /** The claims of an accepted token. Throws AuthorizationError. */
  async verify(token) {
    if (!token) throw new AuthorizationError('PSYNC_S2106', 'Authentication required');
    let claims;
    try {
      const verified = await jwtVerify(token, (header) => this.#keyFor(token, header), {
        algorithms: SUPPORTED_ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: new Date(this.cache.clock()),
        requiredClaims: ['sub', 'iat', 'exp'],
      });
      claims = verified.payload;
    } catch (error) {
      throw authorizationError(error);
    }
    this.#checkClaims(claims);
    return claims;
  }

  /** The key with the token's kid, whatever comes of it; else a key without any kid that fits. */
  async #keyFor(token, { kid, alg }) {
    const { keys, error } = await this.cache.get();
    const named = kid && keys.find((key) => key.kid === kid);
    if (named) {
      if (named.allows(alg)) return named.key;
      throw new AuthorizationError('PSYNC_S2101', `Unexpected token algorithm ${alg}`);
    }
    for (const key of keys.filter((candidate) => !candidate.kid && candidate.allows(alg))) {
      if (await hasSigned(key, token)) return key.key;
    }
    if (error) throw error;
    this.cache.refresh(); // for the next request; this one has failed
    throw new AuthorizationError('PSYNC_S2101', `No known key fits the token's kid ${kid}`);
  }

  #checkClaims({ aud, exp, iat, parameters }) {
    const accepted = [aud ?? []].flat().some((audience) => this.audiences.includes(audience));
    if (!accepted) {
      const message = aud === undefined ? 'Missing claim "aud"' : `Unexpected "aud": ${aud}`;
      throw new AuthorizationError('PSYNC_S2105', message);
    }
    if (exp - iat > LONGEST_LIFETIME_SECONDS) {
      const message = `Token lives for ${exp - iat} s, at most ${LONGEST_LIFETIME_SECONDS} allowed`;
      throw new AuthorizationError('PSYNC_S2104', message);
    }
    if ((parameters ?? null) !== null) {
      if (typeof parameters !== 'object' || Array.isArray(parameters)) {
        throw new AuthorizationError('PSYNC_S2101', 'Claim "parameters" must be an object');
      }
    }
  }
}

async function hasSigned(key, token) {
  try {
    await compactVerify(token, key.key);
    return true;
  } catch (error) {
    if (error.code === errors.JWSSignatureVerificationFailed.code) return false;
    throw error;
  }
}

/** What a test wants to know about one token. */
export async function verdict(verifier, token) {
  const { kid, alg } = readableHeader(token);
  const about = { kid: kid ?? null, alg: alg ?? null };
  try {
    const { sub } = await verifier.verify(token);
    return { ok: true, code: null, error: null, sub, ...about };
  } catch (error) {
    if (!(error instanceof AuthorizationError)) throw error;
    return { ok: false, code: error.code, error: error.message, sub: null, ...about };
  }
}

function readableHeader(token) {
  try {
    return decodeProtectedHeader(token);
  } catch {
    return {}; // what is wrong with it is in the verdict
  }
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      'jwks-uri': { type: 'string' },
      audience: { type: 'string', multiple: true },
      'verifier-cache-seconds': { type: 'string', default: '3600' },
      'fetch-seconds': { type: 'string' },
    },
  });
  const cacheSeconds = Number(values['verifier-cache-seconds']);
  const fetchSeconds = values['fetch-seconds'] && Number(values['fetch-seconds']);
  if (!values['jwks-uri'] || !values.audience || !(cacheSeconds > 0) || positionals.length > 1) {
    console.error(
      'usage: powersync_verifier.mjs --jwks-uri URI --audience AUD… [--verifier-cache-seconds N]' +
        ' [--fetch-seconds N] [TOKEN]',
    );
    return 2;
  }
  let now; // epoch seconds, once a line has set it
  const clock = () => (now === undefined ? Date.now() : now * 1000);
  const verifier = PowerSyncVerifier.forUri(
    values['jwks-uri'],
    values.audience,
    cacheSeconds,
    clock,
    fetchSeconds && { wait: fetchSeconds * 1000, fetchTimeout: fetchSeconds * 1000 },
  );
  const judge = async (token) => {
    const answer = await verdict(verifier, token);
    console.log(JSON.stringify({ ...answer, refreshes: verifier.cache.refreshes }));
    return answer.ok;
  };
  if (positionals.length === 1) return (await judge(positionals[0])) ? 0 : 1;
  for await (const line of createInterface({ input: process.stdin })) {
    const request = line.startsWith('{') ? JSON.parse(line) : { token: line.trim() };
    if (request.now !== undefined && request.now !== now) {
      await verifier.cache.settled(); // a fetch takes a moment, however many hours are to pass
      now = request.now;
    }
    await judge(request.token);
  }
  return 0;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = await main();
}
