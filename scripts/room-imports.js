// Which room of src imports which, as the sources say: the table of docs/architecture.md. `npm run docs` writes it.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

/** The rooms from low to high: a room is to import lower ones only. `shared` and `run` are files of src itself. */
export const ROOMS = [
  'shared',
  'net',
  'endpoints',
  'feed',
  'policy',
  'targets',
  'review',
  'committed',
  'publish',
  'forge',
  'notify',
  'config',
  'explain',
  'probe',
  'load',
  'rehearse',
  'serve',
  'run',
  'replay',
  'schedule',
  'sites',
  'cli',
];

/** Files of src itself that every room may use; the others there are the run. */
const SHARED = [
  'markdown-table',
  'numbers',
  'parsed-yaml',
  'problem',
  'regular-file',
  'schema-problems',
  'sha256',
  'suggest',
  'text-table',
  'within-time',
];

function roomOf(path) {
  const [first = '', ...rest] = path.split(sep);
  if (rest.length > 0) return first;
  return SHARED.includes(first.replace(/\.ts$/, '')) ? 'shared' : 'run';
}

/**
 * The imports between rooms.
 * @param {string} folder the folder `src`
 * @returns {{ from: string, to: string, typesOnly: boolean, files: string[] }[]} by the order of the rooms
 */
export function roomImports(folder) {
  const found = new Map();
  for (const path of readdirSync(folder, { recursive: true })) {
    if (!path.endsWith('.ts') || path.endsWith('.d.ts')) continue;
    const source = readFileSync(join(folder, path), 'utf8');
    const statements =
      /^(?:import|export)\s+(?<type>type\s)?[^;]*?from\s+'(?<from>\.[^']+)'|\bimport\('(?<lazy>\.[^']+)'\)/gm;
    for (const { groups } of source.matchAll(statements)) {
      const target = relative(folder, join(folder, dirname(path), groups.from ?? groups.lazy));
      const [from, to] = [roomOf(path), roomOf(target)];
      if (from === to) continue;
      const arrow = found.get(`${from} ${to}`) ?? { from, to, typesOnly: true, files: new Set() };
      arrow.typesOnly &&= groups.type !== undefined;
      arrow.files.add(path.split(sep).join('/'));
      found.set(`${from} ${to}`, arrow);
    }
  }
  return [...found.values()]
    .map((arrow) => ({ ...arrow, files: [...arrow.files].sort() }))
    .sort((a, b) => rank(a.from) - rank(b.from) || rank(a.to) - rank(b.to));
}

function rank(room) {
  const place = ROOMS.indexOf(room);
  if (place < 0) throw new Error(`src/${room} is in no place of scripts/room-imports.js`);
  return place;
}

/** Imports from a lower room to a higher one. */
export function upwardImports(imports) {
  return imports.filter(({ from, to }) => rank(from) < rank(to));
}

/** The two tables of `docs/architecture.md`. */
export function roomImportTables(imports) {
  const names = (arrows) =>
    arrows.map(({ to, typesOnly }) => (typesOnly ? `*${to}*` : to)).join(', ') || 'nothing';
  const upward = upwardImports(imports);
  return [
    '| Room | Imports |',
    '|---|---|',
    ...ROOMS.map((room) => {
      const below = imports.filter(({ from, to }) => from === room && rank(to) < rank(room));
      return `| ${room} | ${names(below)} |`;
    }),
    '',
    'Against the order:',
    '',
    '| Room | Imports | In |',
    '|---|---|---|',
    ...upward.map(
      (arrow) =>
        `| ${arrow.from} | ${names([arrow])} | ${arrow.files.map((file) => `\`${file}\``).join(', ')} |`,
    ),
  ].join('\n');
}
