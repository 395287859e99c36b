// Runs the documented connector once: options as JSON on stdin, what it gives the SDK on stdout.
//
//   {"tokenUrl", "anonymousTokenUrl", "credential", "anonymousToken"}: the last two may be null.
// Prints {"credentials", "anonymousToken", "signedOut"}: the token is the one kept on the device.

import { text } from 'node:stream/consumers';

import { TokenConnector } from '../../docs/clients/connector.ts';

const { credential, anonymousToken, ...urls } = JSON.parse(await text(process.stdin));
let kept = anonymousToken;
let signedOut = false;
const connector = new TokenConnector({
  ...urls,
  credential: async () => credential,
  storage: {
    getItem: () => kept,
    setItem: (_, value) => (kept = value),
    removeItem: () => (kept = null),
  },
  onSignedOut: () => (signedOut = true),
  uploadData: async () => {},
});
const credentials = await connector.fetchCredentials();
console.log(JSON.stringify({ credentials, anonymousToken: kept, signedOut }));
