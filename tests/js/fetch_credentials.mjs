// Runs the documented connector once: options as JSON on stdin, what it gives the SDK on stdout.
//
//   {"tokenUrl", "anonymousTokenUrl", "credential", "deviceToken"}: the last two may be null.
// Prints {"credentials", "deviceToken", "signedOut"}: the token is the one kept on the device.

import { text } from 'node:stream/consumers';

import { TokenConnector } from '../../docs/clients/connector.ts';

const { credential, deviceToken, ...urls } = JSON.parse(await text(process.stdin));
const kept = new Map(deviceToken ? [['powersync-device-token', deviceToken]] : []);
let signedOut = false;
const connector = new TokenConnector({
  ...urls,
  credential: async () => credential,
  storage: {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => void kept.set(name, value),
    removeItem: (name) => void kept.delete(name),
  },
  onSignedOut: () => (signedOut = true),
  uploadData: async () => {},
});
const credentials = await connector.fetchCredentials();
const keptToken = kept.get('powersync-device-token') ?? null;
console.log(JSON.stringify({ credentials, deviceToken: keptToken, signedOut }));
