// As connector_sdks.ts does, for the SDK that has a `@powersync/common` of its own.

import { PowerSyncDatabase } from '@powersync/react-native';

import { TokenConnector } from '../../docs/clients/connector.ts';

declare const database: PowerSyncDatabase;

await database.connect(
  new TokenConnector({
    uploadData: async (database) => {
      const transaction = await database.getNextCrudTransaction();
      await transaction?.complete();
    },
  }),
);
// @ts-expect-error: were the SDK's types not found, anything would do
await database.connect({ fetchCredentials: async () => 'a token' });
