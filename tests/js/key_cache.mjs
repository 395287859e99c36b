// How a PowerSync instance holds the keys of a JWKS URI: fetched on demand, kept in memory.
//
// A model, in our own words, of what powersync-ja/powersync-service does (its
// packages/service-core/src/auth). Times are milliseconds; the clock is passed in, so that a test
// can let hours pass.

import { importJWK } from 'jose';

const RSA = ['RS256', 'RS384', 'RS512'];
const EC = ['ES256', 'ES384', 'ES512'];
const OKP = ['EdDSA'];

/** What a token's `alg` may be at all. HS* needs a key from the instance's own configuration. */
export const SUPPORTED_ALGORITHMS = ['HS256', 'HS384', 'HS512', ...RSA, ...EC, ...OKP];
const ALGORITHMS_OF = { RSA, EC, OKP };

/** A refusal, with the code that a PowerSync user sees. */
export class AuthorizationError extends Error {
  constructor(code, message, options) {
    super(message, options);
    this.name = 'AuthorizationError';
    this.code = code;
  }
}

/**
 * The times of the cache. `verifierCacheSeconds` is the longest that keys are believed (PowerSync:
 * an hour); the others keep their proportion to it. What the network takes is not scaled.
 */
export function cacheTimes(verifierCacheSeconds = 3600) {
  const expiry = verifierCacheSeconds * 1000;
  return {
    expiry, // older keys are dropped, and the request waits for a fetch
    backgroundRefresh: expiry / 12, // 5 min: refetch beside the request, judge by the keys at hand
    refreshPeriod: expiry / 60, // 1 min: how often a refetch is granted once the burst is spent
    refreshBurst: 10,
    wait: 3000, // the longest that a request waits for a fetch
    fetchTimeout: 30000,
  };
}

/** One key of a published set: which tokens it may be tried on. */
export class VerificationKey {
  constructor(jwk, key) {
    this.kid = jwk.kid || undefined; // an empty kid is none: a wildcard
    this.jwk = jwk;
    this.key = key;
  }

  allows(alg) {
    return this.jwk.alg ? alg === this.jwk.alg : ALGORITHMS_OF[this.jwk.kty].includes(alg);
  }
}

/**
 * The usable keys of a JWKS document. One key that cannot be imported fails the whole set.
 *
 * Throws AuthorizationError: S2204 for a document that is no JWKS, S2201 for a key in it.
 */
export async function importKeySet(document) {
  const entries = document?.keys;
  const isObject = (entry) => typeof entry === 'object' && entry !== null && !Array.isArray(entry);
  if (!Array.isArray(entries) || !entries.every(isObject)) {
    throw new AuthorizationError('PSYNC_S2204', 'The JWKS response has no list of keys');
  }
  const usable = entries.filter(
    (jwk) =>
      Object.hasOwn(ALGORITHMS_OF, jwk.kty) &&
      (typeof jwk.use !== 'string' || jwk.use === 'sig') &&
      (!Array.isArray(jwk.key_ops) || jwk.key_ops.includes('verify')),
  );
  try {
    return await Promise.all(
      usable.map(async (jwk) => new VerificationKey(jwk, await importJWK(jwk))),
    );
  } catch (error) {
    throw new AuthorizationError('PSYNC_S2201', `A key of the JWKS is refused: ${error.message}`, {
      cause: error,
    });
  }
}

/** GET the key set. Any status but 2xx is an error; the content type does not matter. */
export async function fetchKeySet(jwksUri, timeout) {
  let document;
  try {
    const response = await fetch(jwksUri, {
      headers: { Accept: 'application/json' },
      signal: AbortSignal.timeout(timeout),
    });
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    document = await response.json();
  } catch (error) {
    throw new AuthorizationError('PSYNC_S2204', `JWKS request failed: ${error.message}`, {
      cause: error,
    });
  }
  return importKeySet(document);
}

/** Grants a burst of refreshes, ever further apart, then about one a period. */
class RefreshLimiter {
  constructor({ refreshBurst, refreshPeriod }) {
    this.burst = refreshBurst;
    this.period = refreshPeriod;
    this.left = refreshBurst;
    this.askedAt = -Infinity;
    this.grantedAt = -Infinity;
  }

  grant(now) {
    const refill = (now - this.askedAt) / this.period;
    this.left = Math.min(this.burst, this.left + refill);
    this.askedAt = now;
    const pause = ((this.burst - this.left) / this.burst) ** 2 * this.period;
    if (this.left < 1 || now - this.grantedAt < pause) return false;
    this.left -= 1;
    this.grantedAt = now;
    return true;
  }
}

/** The keys at hand. They are refreshed by requests, never by a timer. */
export class KeyCache {
  #keys = [];
  #error; // of the last refresh; it asks for another
  #fetchedAt = -Infinity;
  #refreshing;
  #limiter;

  /**
   * @param load async () => VerificationKey[]
   * @param times as cacheTimes() gives them
   * @param clock () => milliseconds since the epoch
   */
  constructor(load, times = cacheTimes(), clock = Date.now) {
    this.load = load;
    this.times = times;
    this.clock = clock;
    this.#limiter = new RefreshLimiter(times);
    this.refreshes = 0;
  }

  /** The keys to judge a request by, and the error of the last refresh if it failed. */
  async get() {
    const now = this.clock();
    const expired = now - this.#fetchedAt > this.times.expiry;
    if (expired) this.#keys = [];
    const refreshDue = now - this.#limiter.grantedAt >= this.times.backgroundRefresh;
    const refresh = this.#error || refreshDue ? this.refresh() : this.#refreshing;
    if (expired && refresh) {
      const late = await this.#waitFor(refresh);
      if (late) return { keys: this.#keys, error: this.#error ?? late };
    }
    return { keys: this.#keys, error: this.#error };
  }

  /** Start a refresh, join the one under way, or do nothing where the limiter refuses. */
  refresh() {
    if (!this.#refreshing && this.#limiter.grant(this.clock())) {
      this.refreshes += 1;
      this.#refreshing = this.#replaceKeys().finally(() => {
        this.#refreshing = undefined;
      });
    }
    return this.#refreshing;
  }

  /** Resolves when no refresh is under way. */
  async settled() {
    await this.#refreshing;
  }

  async #replaceKeys() {
    try {
      this.#keys = await this.load();
      this.#fetchedAt = this.clock();
      this.#error = undefined;
    } catch (error) {
      this.#error = error; // the keys stay, until they expire
    }
  }

  async #waitFor(refresh) {
    let timer;
    const late = new Promise((resolve) => {
      const error = new AuthorizationError('PSYNC_S2204', 'JWKS request timed out');
      timer = setTimeout(resolve, this.times.wait, error);
    });
    try {
      return await Promise.race([refresh, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
