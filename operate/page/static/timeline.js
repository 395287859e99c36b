// The keys' lives on a time line.

import { svg } from './elements.js';
import { clock, now } from './times.js';

const ROW = 50;
const TOP = 20;
const BAR = 13;
const SEEN = 3; // what is narrower could not be seen
const LABELS = 24; // below the rows
const TICKS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 604800, 1209600];

/**
 * Draws the keys of a ring.
 *
 * @param width in pixels
 * @param status what the stack tells about its keys
 */
export function timeline(width, status) {
  const at = now();
  const [from, to] = span(status, at);
  const x = (time) => Math.min(width, Math.max(0, ((time - from) / (to - from)) * width));
  const rows = [...status.keys.map((key) => keyRow(key, status, at, to)), ...revokedRows(status, from)];
  const height = TOP + rows.length * ROW + LABELS;
  const drawing = svg('svg', {
    viewBox: `0 0 ${width} ${height}`,
    height,
    role: 'img',
    'aria-label': `Time line. ${rows.map((row) => row.says).join(' ')}`,
  });
  const bottom = height - LABELS;
  for (const tick of ticks(from, to, width)) {
    const place = x(tick);
    drawing.append(svg('line', { class: 'grid', x1: place, x2: place, y1: TOP, y2: bottom }));
    if (place > 24 && place < width - 24) {
      drawing.append(text(place, height - 6, clock(tick, { seconds: to - from < 600 }), '', 'middle'));
    }
  }
  const here = x(at);
  drawing.append(
    svg('line', { class: 'now', x1: here, x2: here, y1: TOP - 3, y2: bottom }),
    text(Math.min(Math.max(here, 14), width - 14), TOP - 7, 'now', 'now-name', 'middle'),
  );
  rows.forEach((row, index) => drawing.append(...drawn(row, TOP + index * ROW, x)));
  return drawing;
}

/** What is worth seeing: as much of the past as there is to come, or twice that. */
function span(status, at) {
  const times = status.keys.flatMap((key) => [key.leaves_at]).concat(status.rotation_possible_at);
  const coming = Math.max(at, ...times.filter((time) => time != null)) - at;
  const ahead = Math.max(coming, 60) * 1.3;
  const begun = Math.min(...status.keys.map((key) => key.published_at ?? key.created_at));
  const past = Math.min(Math.max(at - begun, ahead * 0.3), ahead * 2) * 1.06;
  return [at - past, at + ahead];
}

/** A row: its name, its state, bars `[class, from, to]`, marks `[time, text]`. */
function keyRow(key, status, at, end) {
  const { published_at: published, signing_since: signing, stopped_signing_at: stopped } = key;
  const row = { name: key.kid.slice(0, 8), state: key.state, bars: [], marks: [], says: '' };
  const since = published ?? key.created_at;
  if (key.state === 'next') {
    const possible = status.rotation_possible_at;
    row.bars.push(['published', since, Math.max(at, since)]);
    row.bars.push(['ahead', at, end]);
    row.state = possible > at ? `next, may sign from ${clock(possible)}` : 'next, may sign now';
    if (possible > at) row.marks.push(possible);
  } else if (key.state === 'current') {
    row.bars.push(['published', since, signing ?? at], ['signing', signing ?? at, at], ['ahead', at, end]);
    row.state = 'current, signs until the next rotation';
  } else {
    const leaves = key.leaves_at ?? end;
    row.bars.push(['published', since, signing ?? since], ['signed', signing ?? since, stopped ?? at]);
    row.bars.push(['published', stopped ?? at, Math.min(at, leaves)], ['ahead', at, leaves]);
    row.marks.push(leaves);
    row.state = `previous, published until ${clock(leaves)}`;
  }
  row.says = `Key ${row.name}: ${row.state}.`;
  return row;
}

function revokedRows(status, from) {
  return Object.entries(status.revoked)
    .filter(([, at]) => at > from)
    .sort(([, one], [, other]) => other - one)
    .slice(0, 3)
    .map(([kid, at]) => ({
      name: kid.slice(0, 8),
      state: `revoked at ${clock(at)}`,
      bars: [],
      marks: [],
      cross: at,
      says: `Key ${kid.slice(0, 8)}: revoked at ${clock(at)}.`,
    }));
}

function drawn(row, y, x) {
  const bar = y + 22;
  const middle = bar + BAR / 2;
  const parts = [
    svg('text', { class: 'label', x: 0, y: y + 14 },
      svg('tspan', { class: 'row-name' }, row.name),
      svg('tspan', { class: 'row-state', dx: 10 }, row.state)),
  ];
  for (const [kind, from, to] of row.bars) {
    if (to <= from || x(to) <= 0) continue;
    const width = Math.max(x(to) - x(from), SEEN);
    parts.push(svg('rect', { class: kind, x: x(to) - width, y: bar, width, height: BAR, rx: 2 }));
  }
  for (const time of row.marks) {
    const place = x(time);
    parts.push(svg('path', { class: 'mark', d: `M${place} ${bar + BAR + 1}l-5 7h10z` }));
  }
  if (row.cross) {
    const place = x(row.cross);
    parts.push(svg('path', { class: 'gone', d: `M${place - 6} ${middle - 6}l12 12m0 -12l-12 12` }));
  }
  return parts;
}

function ticks(from, to, width) {
  const most = Math.max(2, Math.floor(width / 110));
  const step = TICKS.find((each) => (to - from) / each <= most) ?? TICKS.at(-1);
  const shift = new Date().getTimezoneOffset() * 60;
  const found = [];
  for (let tick = Math.ceil((from - shift) / step) * step + shift; tick < to; tick += step) found.push(tick);
  return found;
}

const text = (x, y, content, kind, anchor) =>
  svg('text', { x, y, class: kind || null, 'text-anchor': anchor }, content);
