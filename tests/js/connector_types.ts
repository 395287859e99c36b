// What the documented connector has to take, for the type checker: nothing here runs.

import { TokenConnector } from '../../docs/clients/connector.ts';

/** As `@react-native-async-storage/async-storage` declares it. */
declare const AsyncStorage: {
  getItem(
    key: string,
    callback?: (error?: Error | null, result?: string | null) => void,
  ): Promise<string | null>;
  setItem(key: string, value: string, callback?: (error?: Error | null) => void): Promise<void>;
  removeItem(key: string, callback?: (error?: Error | null) => void): Promise<void>;
};
const uploadData = async () => {};

new TokenConnector({ storage: localStorage, uploadData });
new TokenConnector({ storage: AsyncStorage, uploadData });
