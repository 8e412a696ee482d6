import { escapeHtml } from '../html/escape-html.ts';
import { digits } from '../wording.ts';

/** A value on a day; undefined where there is none. */
export interface Point {
  readonly date: string;
  readonly value: number | undefined;
}

/** Units of the drawing; it is scaled to the width of the page. */
const WIDTH = 900;
const LEFT = 86;
const RIGHT = 14;
const BOTTOM = 24;

/** A line over time, as SVG. `format` writes the values of the axis. */
export function lineChart(
  label: string,
  points: readonly Point[],
  format: (value: number) => string,
  height = 220,
): string {
  const values = points.flatMap(({ value }) => value ?? []);
  if (values.length === 0) return '';
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = high === low ? Math.max(1, high * 0.01) : (high - low) * 0.08;
  const scale = axis(low - room < 0 && low >= 0 ? 0 : low - room, high + room, height - BOTTOM, 8);
  const x = timeAxis(points.map(({ date }) => date));
  return svg(
    label,
    height,
    `${grid(scale, format, height)}${dates(points, x, height)}
<path class="line" d="${linePath(points, x, scale.place)}"/>
${points.map(({ date, value }) => (value === undefined ? '' : dot(x(date), scale.place(value), `${date}: ${format(value)}`))).join('')}`,
  );
}

/** Gains above the middle and losses below, a bar a revision, as SVG; both by the root of their size. */
export function changeChart(
  label: string,
  bars: readonly { readonly date: string; readonly gained: number; readonly lost: number }[],
  height = 180,
): string {
  const largest = Math.max(...bars.map(({ gained, lost }) => Math.max(gained, lost)), 0);
  if (largest === 0) return '';
  const middle = (height - BOTTOM) / 2;
  const x = timeAxis(bars.map(({ date }) => date));
  const width = Math.max(2, Math.min(10, (WIDTH - LEFT - RIGHT) / bars.length / 1.6));
  const length = (size: number) => Math.sqrt(size / largest) * (middle - 8);
  const bar = (date: string, size: number, side: 'gain' | 'loss') =>
    size === 0
      ? ''
      : `<rect class="${side}" x="${round(x(date) - width / 2)}" y="${round(side === 'gain' ? middle - length(size) : middle)}" width="${round(width)}" height="${round(Math.max(1, length(size)))}"><title>${date}: ${side === 'gain' ? '+' : '−'}${digits(Math.round(size))}</title></rect>`;
  return svg(
    label,
    height,
    `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${middle}" y2="${middle}"/>
<text class="tick" x="${LEFT - 8}" y="14" text-anchor="end">+${digits(Math.round(largest))}</text>
<text class="tick" x="${LEFT - 8}" y="${middle + 4}" text-anchor="end">0</text>
<text class="tick" x="${LEFT - 8}" y="${height - BOTTOM - 2}" text-anchor="end">−${digits(Math.round(largest))}</text>
${dates(bars, x, height)}
${bars.map(({ date, gained, lost }) => bar(date, gained, 'gain') + bar(date, lost, 'loss')).join('')}`,
  );
}

/** A line without axes, for many side by side. */
export function sparkline(label: string, points: readonly Point[]): string {
  const values = points.flatMap(({ value }) => value ?? []);
  if (values.length === 0) return '';
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const days = points.map(({ date }) => dayOf(date));
  const [first, last] = [Math.min(...days), Math.max(...days)];
  const x = (date: string) => (last === first ? 100 : 4 + ((dayOf(date) - first) / (last - first)) * 192);
  const y = (value: number) => (high === low ? 20 : 36 - ((value - low) / (high - low)) * 32);
  return `<svg class="spark" viewBox="0 0 200 40" role="img" aria-label="${escapeHtml(label)}"><path class="line" d="${linePath(points, x, y)}"/></svg>`;
}

interface Axis {
  readonly place: (value: number) => number;
  readonly ticks: readonly number[];
}

function axis(low: number, high: number, bottom: number, top: number): Axis {
  const step = niceStep((high - low) / 4);
  const ticks: number[] = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) ticks.push(tick);
  return { place: (value) => bottom - ((value - low) / (high - low)) * (bottom - top), ticks };
}

/** 1, 2 or 5 times a power of ten: what people count in. */
function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5, 10].find((times) => power * times >= rough) ?? 10);
}

function timeAxis(all: readonly string[]): (date: string) => number {
  const days = all.map(dayOf);
  const [first, last] = [Math.min(...days), Math.max(...days)];
  return (date) =>
    last === first
      ? (LEFT + WIDTH - RIGHT) / 2
      : LEFT + 8 + ((dayOf(date) - first) / (last - first)) * (WIDTH - LEFT - RIGHT - 16);
}

function dayOf(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) / 86_400_000;
}

function grid({ place, ticks }: Axis, format: (value: number) => string, height: number): string {
  return ticks
    .map((tick) => {
      const y = round(place(tick));
      if (y > height - BOTTOM) return '';
      return `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}"/><text class="tick" x="${LEFT - 8}" y="${y + 4}" text-anchor="end">${escapeHtml(format(tick))}</text>`;
    })
    .join('');
}

/** As many dates as fit: each needs some eighty units. */
function dates(
  points: readonly { readonly date: string }[],
  x: (date: string) => number,
  height: number,
): string {
  let last = Number.NEGATIVE_INFINITY;
  return points
    .map(({ date }) => {
      if (x(date) - last < 84) return '';
      last = x(date);
      // The last one would stand half outside.
      const anchor = last > WIDTH - 36 ? 'end' : 'middle';
      return `<text class="tick" x="${anchor === 'end' ? WIDTH : round(last)}" y="${height - 6}" text-anchor="${anchor}">${escapeHtml(date)}</text>`;
    })
    .join('');
}

/** A gap in the values is a gap in the line. */
function linePath(
  points: readonly Point[],
  x: (date: string) => number,
  y: (value: number) => number,
): string {
  let drawing = false;
  return points
    .map(({ date, value }) => {
      if (value === undefined) {
        drawing = false;
        return '';
      }
      const command = drawing ? 'L' : 'M';
      drawing = true;
      return `${command}${round(x(date))} ${round(y(value))}`;
    })
    .join('');
}

function dot(x: number, y: number, title: string): string {
  return `<circle class="dot" cx="${round(x)}" cy="${round(y)}" r="3"><title>${escapeHtml(title)}</title></circle>`;
}

function svg(label: string, height: number, content: string): string {
  return `<svg class="chart" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeHtml(label)}">${content}</svg>`;
}

/** A tenth of a unit is finer than a pixel. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}
