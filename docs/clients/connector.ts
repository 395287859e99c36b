// A complete connector for the PowerSync JS SDKs: copy it, and put in your URLs.
// README.md beside it says what it does, and when to call `retryNow()` and `connect()`.

import type {
  AbstractPowerSyncDatabase,
  PowerSyncBackendConnector,
  PowerSyncCredentials,
} from '@powersync/common';

/** Fits `localStorage`, and React Native's AsyncStorage. */
export interface TokenStorage {
  getItem(name: string): string | null | Promise<string | null>;
  setItem(name: string, value: string): void | Promise<void>;
  removeItem(name: string): void | Promise<void>;
}

export interface ConnectorOptions {
  /** The stack's output `token_url`. Leave it out if there are anonymous users only. */
  tokenUrl?: string;
  /** The stack's output `anonymous_token_url`. Leave it out if everybody has to sign in. */
  anonymousTokenUrl?: string;
  /**
   * Your identity provider's token of the signed-in user; null when nobody is signed in. With
   * `refresh` the one from before was refused: get a new one.
   */
  credential?: (options: { refresh: boolean }) => Promise<string | null>;
  /** Where the device's own token is kept, which makes it the same anonymous user again. */
  storage?: TokenStorage;
  /** Called when the user has to sign in again: once, until a token was given. */
  onSignedOut?: () => void;
  /** Sends the local changes to your backend: see PowerSync's documentation. */
  uploadData: (database: AbstractPowerSyncDatabase) => Promise<void>;
}

const DEVICE_TOKEN = 'powersync-device-token';
const FORMER_TOKEN = 'powersync-anonymous-token'; // before there were device tokens
const TIMEOUT_MS = 15_000;
const FIRST_WAIT_S = 5;
const LONGEST_WAIT_S = 300;
const LONGEST_OFFLINE_WAIT_S = 60; // nobody is burdened by who reaches nobody
const LONGEST_RETRY_AFTER_S = 3600;
const REUSE_MS = 4_000; // less than the SDK waits before it tries again with another token

interface Answer {
  status: number;
  body: any; // whatever JSON it was, {} if none
}

class NoAnswer extends Error {}

export class TokenConnector implements PowerSyncBackendConnector {
  readonly #options: ConnectorOptions;
  readonly #underWay = new Map<string | null, Promise<PowerSyncCredentials | null>>();
  #failures = 0; // requests without a token since the last one
  #notBefore = 0; // Date.now() before which nothing is asked
  #failed: (string | null)[] = []; // the credentials that were asked with since the last token
  #cutShort = false; // whether another credential has cut a wait short since the last token
  #signedOut = false; // whether a 401 was the last word, and the app knows it
  #fresh: { token: string | null; credentials: PowerSyncCredentials; at: number } | null = null;

  constructor(options: ConnectorOptions) {
    this.#options = options;
  }

  /**
   * What the SDK calls whenever it needs a token, and every few seconds while it has none. Null
   * when signed out. It throws when there can be no answer now: the SDK then calls again.
   */
  async fetchCredentials(): Promise<PowerSyncCredentials | null> {
    const { tokenUrl, anonymousTokenUrl, credential } = this.#options;
    const token = (tokenUrl && (await credential?.({ refresh: false }))) || null;
    if (!token && !anonymousTokenUrl) {
      this.retryNow(); // whoever signs in next does not wait for this one
      return null;
    }
    // The SDK asks when a token is about to expire, drops the answer, reconnects and asks again.
    const fresh = this.#fresh;
    this.#fresh = null;
    if (fresh?.token === token && Date.now() - fresh.at < REUSE_MS) return fresh.credentials;
    // The SDK may call for its stream and for an upload at once. Asking twice would make a new
    // device two anonymous users. Another user's call must not get this one's answer.
    let credentials = this.#underWay.get(token);
    if (!credentials) {
      credentials = this.#fetch(token).finally(() => this.#underWay.delete(token));
      this.#underWay.set(token, credentials);
    }
    return credentials;
  }

  /** The SDK calls it when PowerSync has refused the token. */
  invalidateCredentials(): void {
    this.#fresh = null;
  }

  uploadData(database: AbstractPowerSyncDatabase): Promise<void> {
    return this.#options.uploadData(database);
  }

  /**
   * Ends every wait. Call it when the user has signed in or out, and when the network is back;
   * then `connect()` the database again, or the SDK goes on with the former user's token.
   */
  retryNow(): void {
    this.#failures = 0;
    this.#notBefore = 0;
    this.#failed = [];
    this.#cutShort = false;
    this.#signedOut = false;
    this.#fresh = null;
  }

  /** Call this once the data of the token's claim `previous_sub` belongs to the signed-in user. */
  async forgetAnonymousUser(): Promise<void> {
    await this.#options.storage?.removeItem(DEVICE_TOKEN);
    await this.#options.storage?.removeItem(FORMER_TOKEN);
  }

  async #fetch(token: string | null): Promise<PowerSyncCredentials | null> {
    if (this.#mustWait(token)) {
      if (this.#signedOut) return null;
      const until = new Date(this.#notBefore).toISOString();
      // Waiting here instead could hold up the SDK's disconnect(), which waits for this call.
      throw new Error(`No PowerSync token: nothing is asked before ${until}`);
    }
    this.#failed.push(token);
    try {
      const answer = token ? await this.#askSignedIn(token) : await this.#askAnonymously();
      if (token && answer.status === 401) {
        this.#wait(LONGEST_WAIT_S);
        if (!this.#signedOut) this.#options.onSignedOut?.();
        this.#signedOut = true;
        return null;
      }
      const credentials = read(answer);
      if (!token && answer.body.deviceToken) await this.#keep(answer.body.deviceToken);
      this.retryNow();
      this.#fresh = { token, credentials, at: Date.now() };
      return credentials;
    } catch (error) {
      const offline = error instanceof NoAnswer;
      this.#wait(offline ? LONGEST_OFFLINE_WAIT_S : LONGEST_WAIT_S);
      throw error;
    }
  }

  /** Another credential may be asked with at once, but not one after the other. */
  #mustWait(token: string | null): boolean {
    if (!this.#isEarly()) return false;
    if (this.#cutShort || this.#failed.includes(token)) return true;
    this.#cutShort = true;
    this.#failures += 1; // or who gives another one each time would ask more often than the rest
    return false;
  }

  async #askSignedIn(token: string): Promise<Answer> {
    const { credential } = this.#options;
    // After a refusal there is one more request with a fresh credential, but not each time.
    const current = this.#signedOut ? ((await credential?.({ refresh: true })) ?? token) : token;
    const answer = await this.#ask(this.#options.tokenUrl!, current);
    if (answer.status !== 401 || this.#signedOut) return answer;
    const fresh = await credential?.({ refresh: true });
    if (!fresh) return answer;
    this.#failed.push(fresh);
    return this.#ask(this.#options.tokenUrl!, fresh);
  }

  #askAnonymously(): Promise<Answer> {
    return this.#ask(this.#options.anonymousTokenUrl!);
  }

  async #ask(url: string, credential?: string): Promise<Answer> {
    const { storage } = this.#options;
    const headers: Record<string, string> = {};
    if (credential) headers['Authorization'] = `Bearer ${credential}`;
    // Keeps an anonymous device the same user; beside a credential, says who the user was before.
    const device = (await storage?.getItem(DEVICE_TOKEN)) ?? (await storage?.getItem(FORMER_TOKEN));
    if (device) headers['X-Anonymous-Token'] = device;

    const controller = new AbortController(); // React Native has no AbortSignal.timeout
    const late = new Error(`No PowerSync token: no answer within ${TIMEOUT_MS / 1000} s`);
    const timer = setTimeout(() => controller.abort(late), TIMEOUT_MS);
    this.#failures += 1; // until it turns out to be none
    try {
      const response = await fetch(url, { headers, signal: controller.signal }).catch((error) => {
        if (controller.signal.aborted) throw late;
        throw new NoAnswer(`No PowerSync token: ${error.message}`, { cause: error });
      });
      const body = await response.json().catch((error) => {
        if (error instanceof SyntaxError) return {}; // such as the sign-in page of a public Wi-Fi
        throw error;
      });
      const retryAfter = Number(response.headers.get('Retry-After')) || 0;
      if (retryAfter > 0) this.#postpone(Math.min(retryAfter, LONGEST_RETRY_AFTER_S));
      return { status: response.status, body };
    } finally {
      clearTimeout(timer);
    }
  }

  async #keep(deviceToken: string): Promise<void> {
    await this.#options.storage?.setItem(DEVICE_TOKEN, deviceToken);
    await this.#options.storage?.removeItem(FORMER_TOKEN);
  }

  /** Twice as long after each request without a token: 5 s, 10 s, 20 s, … */
  #wait(longest: number): void {
    const doubled = FIRST_WAIT_S * 2 ** Math.max(this.#failures - 1, 0);
    this.#postpone(Math.min(doubled, longest));
  }

  /** Not all clients shall come back at the same moment, so each adds up to half as much again. */
  #postpone(seconds: number): void {
    const until = Date.now() + seconds * 1000 * (1 + Math.random() / 2);
    this.#notBefore = this.#isEarly() ? Math.max(this.#notBefore, until) : until;
  }

  /** No wait is longer than the longest: then the clock was put back. */
  #isEarly(): boolean {
    const left = this.#notBefore - Date.now();
    return left > 0 && left <= LONGEST_RETRY_AFTER_S * 1500;
  }
}

function read({ status, body }: Answer): PowerSyncCredentials {
  if (status !== 200 || !body?.token) {
    const otherwise = status === 200 ? 'without a token' : '';
    const reason = body?.error_description ?? body?.message ?? otherwise;
    throw new Error(`No PowerSync token: HTTP ${status} ${reason}`.trim());
  }
  return {
    endpoint: body.endpoint,
    token: body.token,
    expiresAt: new Date(body.expiresAt * 1000),
  };
}
