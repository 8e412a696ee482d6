// Accounts for every row of extracts of Microsoft's documents: taken into the endpoint table, split into several rows,
// corrected, or left out with a reason. `node scripts/account-endpoints.js FOLDER [-v]`, after `npm run build`.
// FOLDER holds one TAB-separated file a table, named `<table>.tsv`, with the columns cloud, group, host, transport, ports
// and tag (`host` may be a pattern, a placeholder, a path or a prefix), or prefix alone. Exit status 1 where a row is unaccounted for.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatEndpoint } from '../dist/endpoints/endpoint-table.js';
import { loadEndpointTable } from '../dist/endpoints/load.js';
import { PortSet } from '../dist/net/ports.js';
import { formatPrefix } from '../dist/net/prefix.js';
import { formatTable } from '../dist/text-table.js';

/** Extracts that are not named as their table. */
const TABLES = { 'site-recovery-appliance': 'site-recovery', 'intune-addresses': 'intune' };

/** Regions that a document names otherwise than Azure does. */
const REGIONS = { indiacentral: 'centralindia' };

const [folder, ...flags] = process.argv.slice(2);
if (folder === undefined) {
  console.error('node scripts/account-endpoints.js FOLDER [-v]');
  process.exit(5);
}
const lines = [];
let unaccounted = 0;
for (const file of (await readdir(folder)).filter((name) => name.endsWith('.tsv')).sort()) {
  const name = file.slice(0, -'.tsv'.length);
  const id = TABLES[name] ?? name;
  const table = await loadEndpointTable(id);
  const rows = readTsv(await readFile(join(folder, file), 'utf8'));
  const own = [...table.rows, ...table.addressRows].filter((row) => row.table === id);
  const used = new Set();
  const counts = { taken: 0, split: 0, corrected: 0, 'left out': 0, unaccounted: 0 };
  for (const row of rows) {
    const { how, by = [], why = '' } = account(row, own, table);
    for (const one of by) used.add(one);
    counts[how]++;
    if (how === 'unaccounted') unaccounted++;
    if (how === 'unaccounted' || flags.includes('-v'))
      console.log(`${name}: ${row.cloud ?? ''} ${row.host ?? row.prefix} ${row.ports ?? ''}: ${how}${why}`);
  }
  lines.push([name, rows.length, ...Object.values(counts), own.length, own.length - used.size].map(String));
}
const totals = lines.reduce(
  (sum, [, ...figures]) => figures.map((figure, at) => (sum[at] ?? 0) + Number(figure)),
  [],
);
console.log(
  formatTable(
    [
      [
        'extract',
        'rows',
        'taken',
        'split',
        'corrected',
        'left out',
        'unaccounted',
        'rows of the table',
        'of them not in the extract',
      ],
      ...lines,
      // Two extracts can be of one table: its rows are not summed.
      ['all', ...totals.slice(0, -2).map(String), '', ''],
    ],
    [1, 2, 3, 4, 5, 6, 7, 8],
  ),
);
process.exit(unaccounted > 0 ? 1 : 0);

function readTsv(text) {
  const [head, ...rest] = text.split(/\r?\n/).filter((line) => line !== '');
  const columns = head.split('\t');
  return rest.map((line) => Object.fromEntries(line.split('\t').map((cell, at) => [columns[at], cell])));
}

function account(row, own, table) {
  const host = row.host ?? row.prefix;
  if (row.ports === undefined)
    return taken(own.filter((one) => one.prefixes?.some((prefix) => formatPrefix(prefix) === host)));
  if (host.startsWith('(')) {
    const reasons = [
      ...table.includes.map((one) => `table ${one}`),
      ...table.leftOut.map(({ what }) => what),
    ];
    return reasons.length > 0
      ? { how: 'left out', why: ` because: ${reasons.join('; ')}` }
      : { how: 'unaccounted' };
  }
  const ports = PortSet.parseList(
    row.ports
      .split(',')
      .map((port) => `${port.trim()}${row.transport === 'udp' ? '/udp' : ''}`)
      .join(','),
  );
  // A document can name rows for users of a cloud that has no table of its own.
  const cloud = table.clouds.find((one) => one === row.cloud.split('-')[0]);
  const same = own.filter(
    (one) =>
      (cloud === undefined || one.clouds.includes(cloud)) && one.ports.isSupersetOf(ports) && !ports.isEmpty,
  );
  const region = REGIONS[row.group] ?? row.group;
  const inRegion = same.filter(({ when }) => when.region?.includes(region) ?? true);
  const exact = inRegion.filter((one) =>
    one.serviceTags === undefined
      ? blank(formatEndpoint(one)) === blank(host)
      : one.prefixes.some((prefix) => formatPrefix(prefix) === host) ||
        (host.startsWith('<') && one.serviceTags.some((tag) => blank(tag) === blank(row.tag))),
  );
  if (exact.length > 0) return taken(exact);
  const corrected = same.filter((one) => one.note?.includes(host));
  if (corrected.length > 0) return { how: 'corrected', by: corrected, why: `: ${corrected[0].note}` };
  const bare = host.replace(/[<>]/g, '');
  const reason = table.leftOut.find(({ what }) => what.includes(bare));
  return reason === undefined ? { how: 'unaccounted' } : { how: 'left out', why: ` because: ${reason.why}` };
}

function taken(by) {
  if (by.length === 0) return { how: 'unaccounted' };
  return { how: by.length === 1 ? 'taken' : 'split', by, why: by.length === 1 ? '' : ` into ${by.length}` };
}

/** Placeholders are named differently from document to document. */
function blank(text) {
  return text.toLowerCase().replace(/<[^<>]*>/g, '<>');
}
