// A complete connector for the PowerSync JS SDKs: copy it, and put in your URLs.

import type {
  AbstractPowerSyncDatabase,
  PowerSyncBackendConnector,
  PowerSyncCredentials,
} from '@powersync/common';

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
  /** Where a device's anonymous token is kept, such as `localStorage`. */
  storage?: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  /** Called when the user has to sign in again. */
  onSignedOut?: () => void;
  /** Sends the local changes to your backend: see PowerSync's documentation. */
  uploadData: (database: AbstractPowerSyncDatabase) => Promise<void>;
}

const ANONYMOUS_TOKEN = 'powersync-anonymous-token';
const TIMEOUT_MS = 15_000;
const DEFAULT_RETRY_AFTER_S = 5;
const LONGEST_WAIT_S = 60;

export class TokenConnector implements PowerSyncBackendConnector {
  readonly #options: ConnectorOptions;
  #notBefore = 0; // Date.now() before which the token service asked not to be asked

  constructor(options: ConnectorOptions) {
    this.#options = options;
  }

  /**
   * What the SDK calls whenever it needs a token. Null when signed out. It throws when the token
   * service cannot answer now; the SDK then calls again, and is made to wait as long as was asked.
   */
  async fetchCredentials(): Promise<PowerSyncCredentials | null> {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, this.#notBefore - Date.now())));
    const { tokenUrl, credential, anonymousTokenUrl, onSignedOut } = this.#options;
    const token = tokenUrl && (await credential?.({ refresh: false }));
    if (!tokenUrl || !token) {
      return anonymousTokenUrl ? this.#askAnonymously(anonymousTokenUrl) : null;
    }

    let response = await this.#ask(tokenUrl, token);
    if (response.status === 401) {
      // Once more with a fresh credential; asking again and again with a refused one helps nobody.
      const fresh = await credential?.({ refresh: true });
      if (fresh) response = await this.#ask(tokenUrl, fresh);
      if (!fresh || response.status === 401) {
        onSignedOut?.();
        return null;
      }
    }
    return this.#read(response);
  }

  uploadData(database: AbstractPowerSyncDatabase): Promise<void> {
    return this.#options.uploadData(database);
  }

  /** Call this once the data of the token's claim `previous_sub` belongs to the signed-in user. */
  forgetAnonymousUser(): void {
    this.#options.storage?.removeItem(ANONYMOUS_TOKEN);
  }

  async #askAnonymously(url: string): Promise<PowerSyncCredentials> {
    const credentials = await this.#read(await this.#ask(url));
    this.#options.storage?.setItem(ANONYMOUS_TOKEN, credentials.token);
    return credentials;
  }

  #ask(url: string, credential?: string): Promise<Response> {
    const headers: Record<string, string> = {};
    if (credential) headers['Authorization'] = `Bearer ${credential}`;
    // Keeps an anonymous device the same user; beside a credential, says who the user was before.
    const anonymousToken = this.#options.storage?.getItem(ANONYMOUS_TOKEN);
    if (anonymousToken) headers['X-Anonymous-Token'] = anonymousToken;
    return fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
  }

  async #read(response: Response): Promise<PowerSyncCredentials> {
    const body = await response.json().catch(() => ({}));
    if (!response.ok) {
      if (response.status === 429 || response.status === 503) {
        this.#wait(Number(response.headers.get('Retry-After')) || DEFAULT_RETRY_AFTER_S);
      }
      const reason = body.error_description ?? body.message ?? '';
      throw new Error(`No PowerSync token: HTTP ${response.status} ${reason}`.trim());
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
