// The documented connector in an app of each JavaScript SDK, for the type checker: nothing runs.

import { PowerSyncDatabase as Capacitor } from '@powersync/capacitor';
import { PowerSyncDatabase as Node } from '@powersync/node';
import { PowerSyncDatabase as Web } from '@powersync/web';

import { TokenConnector } from '../../docs/clients/connector.ts';

declare const node: Node;
declare const web: Web;
declare const capacitor: Capacitor;
const connector = new TokenConnector({
  uploadData: async (database) => {
    const transaction = await database.getNextCrudTransaction();
    await transaction?.complete();
  },
});

for (const database of [node, web, capacitor]) {
  await database.connect(connector);
  // @ts-expect-error: were the SDK's types not found, anything would do
  await database.connect({ fetchCredentials: async () => 'a token' });
}
