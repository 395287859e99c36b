// What is to be copied elsewhere.

import { byId, copyButton, element } from './elements.js';

export function showSnippets(snippets) {
  const groups = Map.groupBy(snippets, ({ group }) => group);
  byId('snippets').replaceChildren(...[...groups].map(([group, members]) =>
    element('div', { class: 'group' }, element('h3', {}, group), members.map(snippet))));
}

function snippet({ title, text, note, long }) {
  const code = element('pre', { tabindex: '0', 'aria-label': title }, element('code', {}, text));
  return element('div', { class: 'snippet' },
    element('div', { class: 'line' }, element('h4', {}, title), copyButton(() => text, title)),
    long ? element('details', {}, element('summary', {}, `Show its ${text.split('\n').length} lines`), code) : code,
    note ? element('p', {}, note) : null);
}
