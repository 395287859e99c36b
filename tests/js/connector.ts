// A complete connector for the PowerSync JS SDKs: copy it, put in your two URLs.

import type {
  AbstractPowerSyncDatabase,
  PowerSyncBackendConnector,
  PowerSyncCredentials,
} from '@powersync/common';

export interface ConnectorOptions {
  /** The stack's output `token_url`, or `anonymous_token_url`. */
  tokenUrl: string;
  /** Your identity provider's token of the signed-in user; null when signed out. */
  accessToken?: () => Promise<string | null>;
  /** Sends the local changes to your backend: see PowerSync's documentation. */
  uploadData: (database: AbstractPowerSyncDatabase) => Promise<void>;
}

export class TokenConnector implements PowerSyncBackendConnector {
  readonly options: ConnectorOptions;

  constructor(options: ConnectorOptions) {
    this.options = options;
  }

  /** Null when signed out. Throws when the token service is out of reach: the SDK tries again. */
  async fetchCredentials(): Promise<PowerSyncCredentials | null> {
    const { tokenUrl, accessToken } = this.options;
    const credential = await accessToken?.();
    if (accessToken && !credential) return null;
    const headers: Record<string, string> = credential
      ? { Authorization: `Bearer ${credential}` }
      : {};
    const response = await fetch(tokenUrl, { headers });
    if (response.status === 401) return null; // sign in again
    if (!response.ok) throw new Error(`No PowerSync token: HTTP ${response.status}`);
    const { endpoint, token, expiresAt } = await response.json();
    return { endpoint, token, expiresAt: new Date(expiresAt * 1000) };
  }

  uploadData(database: AbstractPowerSyncDatabase): Promise<void> {
    return this.options.uploadData(database);
  }
}
