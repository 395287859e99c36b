// Making parts of the page. Text is always text: nothing here takes HTML.

export const byId = (id) => document.getElementById(id);

/** An element with attributes (`class`, `onclick` and the like) and children. */
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, '');
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child != null && child !== false));
  return made;
}

/** Says how something went, or takes what was said away. */
export function say(place, text, kind = '') {
  place.hidden = !text;
  place.textContent = text;
  place.className = place.className.replace(/ (good|bad)$/, '') + (kind && ` ${kind}`);
}

/** A button that cannot be pressed twice while it works; what goes wrong is told to `failed`. */
export function button(text, work, { kind = '', failed = () => {} } = {}) {
  const made = element('button', { type: 'button', class: kind || null }, text);
  made.addEventListener('click', () => working(made, work, failed));
  return made;
}

export async function working(made, work, failed) {
  if (made.ariaBusy === 'true') return;
  made.ariaBusy = 'true'; // and not disabled, which would lose the focus of the keyboard
  try {
    await work();
  } catch (error) {
    failed(error);
  } finally {
    made.ariaBusy = null;
  }
}

/** A button that copies a text, and says so. */
export function copyButton(text, what) {
  const made = element('button', { type: 'button', class: 'quiet small', 'aria-label': `Copy ${what}` }, 'Copy');
  made.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text());
      made.textContent = 'Copied';
    } catch {
      made.textContent = 'Not allowed';
    }
    setTimeout(() => (made.textContent = 'Copy'), 2000);
  });
  return made;
}
