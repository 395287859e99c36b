// The page of the local stack.

import { ask, NotThere } from './asking.js';
import { byId, say } from './elements.js';
import { loadKeys, startKeys } from './keys.js';
import { loadRequests } from './requests.js';
import { showSnippets } from './snippets.js';
import { startTheme } from './theme.js';
import { showWays } from './tokens.js';
import { showWatch } from './watch.js';

const POLLED_EVERY_MS = 1000;
const KEYS_EVERY = 10; // polls

let known = false; // whether what is shown is of the stack that runs
let polls = 0;

async function load() {
  const stack = await ask('stack');
  byId('where').textContent = `The local stack at ${location.host}${stack.config_file ? `, with ${stack.config_file}` : ''}`;
  await loadKeys(stack);
  showWatch(stack);
  showWays(stack);
  showSnippets(stack.snippets);
  known = true;
}

async function poll() {
  if (!document.hidden) {
    try {
      const isAnotherRun = await loadRequests();
      if (isAnotherRun || !known) await load();
      else if (polls++ % KEYS_EVERY === KEYS_EVERY - 1) {
        await loadKeys();
        showWatch();
      }
      say(byId('state'), '');
    } catch (error) {
      said(error);
    }
  }
  setTimeout(poll, POLLED_EVERY_MS);
}

function said(error) {
  if (!(error instanceof NotThere)) say(byId('state'), error.message);
  else if (error.starting) say(byId('state'), 'The stack is being started. This page goes on by itself.');
  else say(byId('state'), 'The stack does not answer. Start it with make local; this page goes on by itself.');
}

startTheme();
startKeys();
poll();
