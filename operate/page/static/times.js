// Times as people read them. All are epoch seconds.

export const now = () => Date.now() / 1000;

const UNITS = [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]];

/** The two largest units that say something: `1 h 3 min`. */
export function duration(seconds) {
  let left = Math.max(0, Math.round(seconds));
  const parts = [];
  for (const [unit, size] of UNITS) {
    const amount = Math.floor(left / size);
    left -= amount * size;
    if (amount) parts.push(`${amount} ${unit}`);
  }
  return parts.slice(0, 2).join(' ') || '0 s';
}

/** `22:10:05`, with the day where it is another than today. */
export function clock(at, { seconds = true } = {}) {
  const date = new Date(at * 1000);
  const time = date.toLocaleTimeString('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    ...(seconds && { second: '2-digit' }),
  });
  if (date.toDateString() === new Date().toDateString()) return time;
  const day = date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' });
  return `${day}, ${time}`;
}

export const fromNow = (at) =>
  at > now() ? `in ${duration(at - now())}` : `${duration(now() - at)} ago`;
