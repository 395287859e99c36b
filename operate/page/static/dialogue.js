// Says what will happen before it does.

import { byId, element } from './elements.js';

/**
 * Asks; resolves to whether it is wanted. Without `action` it only tells.
 */
export function confirmed({ title, points, action = '', danger = false }) {
  const dialogue = byId('dialogue');
  const go = byId('dialogue-go');
  const cancel = byId('dialogue-cancel');
  byId('dialogue-title').textContent = title;
  byId('dialogue-points').replaceChildren(...points.map((point) => element('li', {}, point)));
  go.textContent = action;
  go.hidden = !action;
  go.className = danger ? 'danger' : '';
  cancel.textContent = action ? 'Cancel' : 'Close';
  dialogue.returnValue = '';
  return new Promise((resolve) => {
    go.onclick = () => dialogue.close('go');
    cancel.onclick = () => dialogue.close('');
    dialogue.onclose = () => resolve(dialogue.returnValue === 'go');
    dialogue.showModal();
    cancel.focus();
  });
}
