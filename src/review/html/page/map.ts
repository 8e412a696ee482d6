import { formatIpv4 } from '../../../net/address.ts';
import type { PageData, Ranges } from '../page-data.ts';
import { digits, element } from './dom.ts';
import { addressAt, placeOf, SIDE, type Square, squaresOf } from './hilbert.ts';

/** The smallest part of the map that fills it: 64 addresses a side, a /20. */
const SMALLEST = 64;

/** A block that is smaller than this many pixels is drawn this large, or it could not be seen. */
const VISIBLE = 2.5;

const LAYERS = ['kept', 'gained', 'lost'] as const;
type Layer = (typeof LAYERS)[number];

const WORDS: Readonly<Record<Layer, string>> = {
  kept: 'stays',
  gained: 'gained',
  lost: 'lost',
};

/** The IPv4 space on a Hilbert curve, with what was gained and lost; zoomed by mouse, touch and keyboard. */
export function showMap(where: HTMLElement, { map }: PageData): void {
  const squares: Record<Layer, Square[]> = {
    kept: squaresOf(map.kept),
    gained: squaresOf(map.gained),
    lost: squaresOf(map.lost),
  };
  const canvas = element('canvas', {
    tabindex: '0',
    role: 'application',
    'aria-label':
      'Map of the IPv4 addresses. Arrow keys move, plus and minus zoom, 0 shows everything. The table below has the same by /8.',
    'aria-describedby': 'map-here',
  });
  const here = element('p', { id: 'map-here', role: 'status' });
  const find = element('button', { type: 'button', disabled: '' }, 'Find in the changes');
  let view = { x: 0, y: 0, span: SIDE };
  let pointed: number | undefined;

  const draw = () => drawMap(canvas, squares, view, document.activeElement === canvas);

  function look(x: number, y: number, span: number): void {
    const bounded = Math.min(SIDE, Math.max(SMALLEST, span));
    const limit = SIDE - bounded;
    view = {
      x: Math.min(limit, Math.max(0, x)),
      y: Math.min(limit, Math.max(0, y)),
      span: bounded,
    };
    draw();
    tell(addressAt(Math.floor(view.x + view.span / 2), Math.floor(view.y + view.span / 2)));
  }

  /** Zooms so that the point keeps its place on the screen. */
  function zoom(factor: number, x = view.x + view.span / 2, y = view.y + view.span / 2): void {
    const span = Math.min(SIDE, Math.max(SMALLEST, view.span * factor));
    const ratio = span / view.span;
    look(x - (x - view.x) * ratio, y - (y - view.y) * ratio, span);
  }

  function tell(address: number): void {
    pointed = address;
    const layer = LAYERS.findLast((name) => contains(map[name], address));
    here.textContent = `${formatIpv4(address)}: ${layer === undefined ? 'not in these rules' : WORDS[layer]}. Shown: ${shownBlock(view.span)}.`;
    find.disabled = layer === undefined || layer === 'kept';
  }

  function pointOf(event: MouseEvent): { x: number; y: number } {
    const box = canvas.getBoundingClientRect();
    return {
      x: view.x + ((event.clientX - box.left) / box.width) * view.span,
      y: view.y + ((event.clientY - box.top) / box.height) * view.span,
    };
  }

  const inside = (value: number) => Math.min(SIDE - 1, Math.max(0, Math.floor(value)));
  let drag: { clientX: number; clientY: number; x: number; y: number; moved: boolean } | undefined;
  canvas.addEventListener('pointerdown', (event) => {
    if (event.pointerType === 'touch') return;
    drag = { clientX: event.clientX, clientY: event.clientY, x: view.x, y: view.y, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener('pointermove', (event) => {
    const point = pointOf(event);
    if (drag === undefined) {
      tell(addressAt(inside(point.x), inside(point.y)));
      return;
    }
    const scale = view.span / canvas.getBoundingClientRect().width;
    const [dx, dy] = [(event.clientX - drag.clientX) * scale, (event.clientY - drag.clientY) * scale];
    drag.moved ||= Math.hypot(event.clientX - drag.clientX, event.clientY - drag.clientY) > 4;
    if (drag.moved) look(drag.x - dx, drag.y - dy, view.span);
  });
  canvas.addEventListener('pointerup', () => {
    drag = undefined;
  });
  // A tap cannot hover: it zooms in where it lands.
  canvas.addEventListener('click', (event) => {
    const { x, y } = pointOf(event);
    if ((event as PointerEvent).pointerType === 'touch') zoom(0.5, x, y);
    tell(addressAt(inside(x), inside(y)));
  });
  canvas.addEventListener('dblclick', (event) => {
    const { x, y } = pointOf(event);
    zoom(0.25, x, y);
  });
  // The wheel scrolls the page unless the map was asked for.
  canvas.addEventListener(
    'wheel',
    (event) => {
      if (!event.ctrlKey && document.activeElement !== canvas) return;
      event.preventDefault();
      const { x, y } = pointOf(event);
      zoom(event.deltaY > 0 ? 1.25 : 0.8, x, y);
    },
    { passive: false },
  );
  canvas.addEventListener('keydown', (event) => {
    const step = view.span / 8;
    const moves: Record<string, () => void> = {
      ArrowLeft: () => look(view.x - step, view.y, view.span),
      ArrowRight: () => look(view.x + step, view.y, view.span),
      ArrowUp: () => look(view.x, view.y - step, view.span),
      ArrowDown: () => look(view.x, view.y + step, view.span),
      '+': () => zoom(0.5),
      '=': () => zoom(0.5),
      '-': () => zoom(2),
      '0': () => look(0, 0, SIDE),
    };
    const move = event.ctrlKey || event.metaKey || event.altKey ? undefined : moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    move();
  });
  canvas.addEventListener('focus', draw);
  canvas.addEventListener('blur', draw);
  addEventListener('themechange', draw);
  new ResizeObserver(draw).observe(canvas);
  find.addEventListener('click', () => {
    if (pointed !== undefined) dispatchEvent(new CustomEvent('search', { detail: formatIpv4(pointed) }));
  });

  const button = (text: string, label: string, press: () => void) => {
    const made = element('button', { type: 'button', 'aria-label': label }, text);
    made.addEventListener('click', press);
    return made;
  };
  where.append(
    element(
      'div',
      { class: 'map-frame' },
      canvas,
      element(
        'div',
        { class: 'map-side' },
        element(
          'div',
          { class: 'controls' },
          button('+', 'Zoom in', () => zoom(0.5)),
          button('−', 'Zoom out', () => zoom(2)),
          button('Whole', 'Show the whole IPv4 space', () => look(0, 0, SIDE)),
          find,
        ),
        here,
        element(
          'ul',
          { class: 'legend' },
          ...LAYERS.map((layer) =>
            element('li', { class: layer }, `${WORDS[layer]}: ${digits(sizeOf(map[layer]))} addresses`),
          ),
        ),
        element(
          'p',
          { class: 'faint' },
          'All IPv4 addresses along a Hilbert curve: blocks that are near in number are near on the map, and a prefix is a square or two. Drag to move; the wheel zooms once the map has the focus.',
        ),
        blockTable(map, (first) => {
          const { x, y } = placeOf(first);
          look(x - (x % 4096), y - (y % 4096), 4096);
          canvas.focus();
        }),
      ),
    ),
  );
  look(0, 0, SIDE);
  here.textContent = 'Point at the map, or move over it with the arrow keys.';
}

/** The same by /8, for those who cannot see the map. */
function blockTable(map: PageData['map'], show: (first: number) => void): HTMLElement {
  const sums = new Map<number, Record<Layer, number>>();
  for (const layer of LAYERS)
    for (let i = 0; i + 1 < map[layer].length; i += 2) {
      let first = map[layer][i]!;
      const last = map[layer][i + 1]!;
      while (first <= last) {
        const block = Math.floor(first / 2 ** 24);
        const end = Math.min(last, (block + 1) * 2 ** 24 - 1);
        const sum = sums.get(block) ?? { kept: 0, gained: 0, lost: 0 };
        sum[layer] += end - first + 1;
        sums.set(block, sum);
        first = end + 1;
      }
    }
  const changed = [...sums]
    .filter(([, { gained, lost }]) => gained + lost > 0)
    .sort(([a, x], [b, y]) => y.gained + y.lost - x.gained - x.lost || a - b);
  return element(
    'details',
    // Beside the map there is room for it; below the map it would be in the way.
    innerWidth > 960 ? { open: '' } : {},
    element('summary', {}, `The same by /8 (${digits(changed.length)} with changes)`),
    element(
      'div',
      { class: 'scroll tall', tabindex: '0', role: 'region', 'aria-label': 'IPv4 changes by /8' },
      element(
        'table',
        {},
        element(
          'thead',
          {},
          element(
            'tr',
            {},
            ...['Block', 'Gained', 'Lost'].map((title, index) =>
              element('th', { scope: 'col', class: index === 0 ? 'left' : 'right' }, title),
            ),
          ),
        ),
        element(
          'tbody',
          {},
          ...changed.map(([block, { gained, lost }]) => {
            const go = element('button', { type: 'button', class: 'link' }, `${block}.0.0.0/8`);
            go.addEventListener('click', () => show(block * 2 ** 24));
            const figure = (tone: string, size: number, sign: string) =>
              element(
                'td',
                { class: 'right' },
                element(
                  'span',
                  { class: size === 0 ? 'faint' : tone },
                  size === 0 ? '0' : `${sign}${digits(size)}`,
                ),
              );
            return element(
              'tr',
              {},
              element('th', { scope: 'row', class: 'left' }, go),
              figure('gain', gained, '+'),
              figure('loss', lost, '−'),
            );
          }),
        ),
      ),
    ),
  );
}

function drawMap(
  canvas: HTMLCanvasElement,
  squares: Readonly<Record<Layer, readonly Square[]>>,
  view: { readonly x: number; readonly y: number; readonly span: number },
  focused: boolean,
): void {
  const ratio = devicePixelRatio;
  const size = Math.round(canvas.clientWidth * ratio);
  if (size === 0) return;
  if (canvas.width !== size) {
    canvas.width = size;
    canvas.height = size;
  }
  const context = canvas.getContext('2d')!;
  const style = getComputedStyle(canvas);
  const color = (name: string) => style.getPropertyValue(`--${name}`);
  const scale = size / view.span;
  context.fillStyle = color('map-empty');
  context.fillRect(0, 0, size, size);
  for (const layer of LAYERS) {
    context.fillStyle = color(`map-${layer}`);
    // What stays is the background: only changes are made visible at any size.
    const least = layer === 'kept' ? 1 : VISIBLE * ratio;
    for (const { x, y, side } of squares[layer]) {
      const width = Math.max(side * scale, least);
      const left = (x - view.x) * scale;
      const top = (y - view.y) * scale;
      if (left + width < 0 || top + width < 0 || left > size || top > size) continue;
      const shift = (width - side * scale) / 2;
      context.fillRect(left - shift, top - shift, width, width);
    }
  }
  drawGrid(context, view, size, ratio, color);
  if (focused) {
    context.strokeStyle = color('text');
    context.lineWidth = ratio;
    const [middle, arm] = [size / 2, 8 * ratio];
    context.beginPath();
    context.moveTo(middle - arm, middle);
    context.lineTo(middle + arm, middle);
    context.moveTo(middle, middle - arm);
    context.lineTo(middle, middle + arm);
    context.stroke();
  }
}

/** Lines and names of the /8, /16 and /24 blocks, each where there is room for them. */
function drawGrid(
  context: CanvasRenderingContext2D,
  view: { readonly x: number; readonly y: number; readonly span: number },
  size: number,
  ratio: number,
  color: (name: string) => string,
): void {
  const scale = size / view.span;
  const levels = [
    { side: 4096, octets: 1, room: 24 },
    { side: 256, octets: 2, room: 46 },
    { side: 16, octets: 3, room: 74 },
  ];
  for (const { side, octets, room } of levels) {
    const width = side * scale;
    if (width < 12 * ratio) break;
    context.strokeStyle = color('map-grid');
    context.lineWidth = (octets === 1 ? 1 : 0.5) * ratio;
    context.beginPath();
    const lines = (start: number) => {
      const positions: number[] = [];
      for (let at = Math.ceil(start / side) * side; at <= start + view.span; at += side) positions.push(at);
      return positions;
    };
    for (const x of lines(view.x)) {
      context.moveTo((x - view.x) * scale, 0);
      context.lineTo((x - view.x) * scale, size);
    }
    for (const y of lines(view.y)) {
      context.moveTo(0, (y - view.y) * scale);
      context.lineTo(size, (y - view.y) * scale);
    }
    context.stroke();
    // The names of the finest level that has room, not of several on top of each other.
    const next = levels[octets];
    const nextHasRoom = next !== undefined && next.side * scale >= next.room * ratio;
    if (width < room * ratio || nextHasRoom) continue;
    context.fillStyle = color('map-label');
    context.font = `${11 * ratio}px system-ui, sans-serif`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    for (const x of [lines(view.x)[0]! - side, ...lines(view.x)])
      for (const y of [lines(view.y)[0]! - side, ...lines(view.y)]) {
        if (x < 0 || y < 0 || x >= SIDE || y >= SIDE) continue;
        const name = formatIpv4(addressAt(x, y) - (addressAt(x, y) % (side * side)))
          .split('.')
          .slice(0, octets)
          .join('.');
        context.fillText(name, (x + side / 2 - view.x) * scale, (y + side / 2 - view.y) * scale);
      }
  }
}

function contains(ranges: Ranges, address: number): boolean {
  let low = 0;
  let high = ranges.length / 2 - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    if (ranges[middle * 2 + 1]! < address) low = middle + 1;
    else if (ranges[middle * 2]! > address) high = middle - 1;
    else return true;
  }
  return false;
}

function sizeOf(ranges: Ranges): number {
  let size = 0;
  for (let i = 0; i + 1 < ranges.length; i += 2) size += ranges[i + 1]! - ranges[i]! + 1;
  return size;
}

function shownBlock(span: number): string {
  return span === SIDE ? 'everything' : `about a /${Math.round(32 - 2 * Math.log2(span))}`;
}
