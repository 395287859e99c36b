// Light, dark, or as the system has it.

import { byId } from './elements.js';

const KEPT = 'powersync-auth-theme';
const THEMES = ['system', 'light', 'dark'];

export function startTheme() {
  use(localStorage.getItem(KEPT));
  byId('theme').addEventListener('click', () => {
    const former = document.documentElement.dataset.theme ?? 'system';
    use(THEMES[(THEMES.indexOf(former) + 1) % THEMES.length]);
  });
}

function use(wanted) {
  const theme = THEMES.includes(wanted) ? wanted : 'system';
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  localStorage.setItem(KEPT, theme);
  byId('theme').textContent = `Theme: ${theme}`;
}
