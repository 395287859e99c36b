// A complete connector for the PowerSync JS SDKs: copy it, and put in your URLs.

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
   * `refresh` the one from before was refused: get a new one. If that is refused, too, nothing is
   * asked for a minute, or until this gives another one.
   */
  credential?: (options: { refresh: boolean }) => Promise<string | null>;
  /** Where a device's anonymous token is kept. */
  storage?: TokenStorage;
  /** Called when the user has to sign in again: once, until another credential is there. */
  onSignedOut?: () => void;
  /** Sends the local changes to your backend: see PowerSync's documentation. */
  uploadData: (database: AbstractPowerSyncDatabase) => Promise<void>;
}

const ANONYMOUS_TOKEN = 'powersync-anonymous-token';
const TIMEOUT_MS = 15_000;
const DEFAULT_RETRY_AFTER_S = 5;
const LONGEST_WAIT_S = 60;
const REFUSAL_LASTS_MS = 60_000;

interface Answer {
  status: number;
  retryAfter: string | null;
  body: any; // whatever JSON it was, {} if none
}

export class TokenConnector implements PowerSyncBackendConnector {
  readonly #options: ConnectorOptions;
  readonly #underWay = new Map<string | null, Promise<PowerSyncCredentials | null>>();
  #refused: (string | null | undefined)[] = []; // the credentials that the last 401 was about
  #askAgainAt = 0; // Date.now() from which they are asked with once more: a refusal can pass
  #notBefore = 0; // Date.now() before which the token service asked not to be asked

  constructor(options: ConnectorOptions) {
    this.#options = options;
  }

  /**
   * What the SDK calls whenever it needs a token, and every few seconds while it has none. Null
   * when signed out. It throws when there can be no answer now: the SDK then calls again.
   */
  async fetchCredentials(): Promise<PowerSyncCredentials | null> {
    const { tokenUrl, credential } = this.#options;
    const token = (tokenUrl && (await credential?.({ refresh: false }))) || null;
    // The SDK may call for its stream and for an upload at once. Asking twice would make a new
    // device two anonymous users. Another user's call must not get this one's answer.
    let credentials = this.#underWay.get(token);
    if (!credentials) {
      credentials = this.#fetch(token).finally(() => this.#underWay.delete(token));
      this.#underWay.set(token, credentials);
    }
    return credentials;
  }

  uploadData(database: AbstractPowerSyncDatabase): Promise<void> {
    return this.#options.uploadData(database);
  }

  /** Call this once the data of the token's claim `previous_sub` belongs to the signed-in user. */
  async forgetAnonymousUser(): Promise<void> {
    await this.#options.storage?.removeItem(ANONYMOUS_TOKEN);
  }

  async #fetch(token: string | null): Promise<PowerSyncCredentials | null> {
    const { tokenUrl, credential, anonymousTokenUrl, onSignedOut } = this.#options;
    if (!tokenUrl || !token) {
      return anonymousTokenUrl ? this.#fetchAnonymously(anonymousTokenUrl) : null;
    }
    const knownAsRefused = this.#refused.includes(token);
    if (knownAsRefused && Date.now() < this.#askAgainAt) return null;
    if (!knownAsRefused) this.#refused = [];

    let answer = await this.#ask(tokenUrl, token);
    if (answer.status === 401) {
      // Once more with a fresh credential; asking again and again with a refused one helps nobody.
      const fresh = await credential?.({ refresh: true });
      if (fresh) answer = await this.#ask(tokenUrl, fresh);
      if (!fresh || answer.status === 401) {
        this.#refused = [token, fresh];
        this.#askAgainAt = Date.now() + REFUSAL_LASTS_MS;
        if (!knownAsRefused) onSignedOut?.();
        return null;
      }
    }
    const credentials = this.#read(answer);
    this.#refused = [];
    return credentials;
  }

  async #fetchAnonymously(url: string): Promise<PowerSyncCredentials> {
    const credentials = this.#read(await this.#ask(url));
    await this.#options.storage?.setItem(ANONYMOUS_TOKEN, credentials.token);
    return credentials;
  }

  async #ask(url: string, credential?: string): Promise<Answer> {
    // Waiting here instead could hold up the SDK's disconnect(), which waits for this call.
    if (Date.now() < this.#notBefore) {
      const until = new Date(this.#notBefore).toISOString();
      throw new Error(`No PowerSync token: asked to wait until ${until}`);
    }
    const headers: Record<string, string> = {};
    if (credential) headers['Authorization'] = `Bearer ${credential}`;
    // Keeps an anonymous device the same user; beside a credential, says who the user was before.
    const anonymousToken = await this.#options.storage?.getItem(ANONYMOUS_TOKEN);
    if (anonymousToken) headers['X-Anonymous-Token'] = anonymousToken;

    const controller = new AbortController(); // React Native has no AbortSignal.timeout
    const late = new Error(`No PowerSync token: no answer within ${TIMEOUT_MS / 1000} s`);
    const timer = setTimeout(() => controller.abort(late), TIMEOUT_MS);
    try {
      const response = await fetch(url, { headers, signal: controller.signal });
      const body = await response.json().catch((error) => {
        if (error instanceof SyntaxError) return {}; // such as the sign-in page of a public Wi-Fi
        throw error;
      });
      return { status: response.status, retryAfter: response.headers.get('Retry-After'), body };
    } finally {
      clearTimeout(timer);
    }
  }

  #read({ status, retryAfter, body }: Answer): PowerSyncCredentials {
    if (status !== 200 || !body?.token) {
      if (status === 429 || status === 503) this.#wait(Number(retryAfter) || DEFAULT_RETRY_AFTER_S);
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

  /** Not all clients shall come back at the same moment, so each adds up to half as much again. */
  #wait(seconds: number): void {
    const bounded = Math.min(seconds, LONGEST_WAIT_S);
    this.#notBefore = Date.now() + bounded * 1000 * (1 + Math.random() / 2);
  }
}
