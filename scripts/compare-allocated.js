// Compares the IPv6 space that the guard `unallocated` knows as given out with an edition of IANA's registry:
// `node scripts/compare-allocated.js FILE`, where FILE is a copy of
// https://www.iana.org/assignments/ipv6-unicast-address-assignments/ipv6-unicast-address-assignments.csv. Prints what to add to
// and to take out of src/policy/guards/allocated.ts; exit status 2 where there is any.
import { readFileSync } from 'node:fs';
import { AddressSet } from '../dist/net/address-set.js';
import { readPrefixText } from '../dist/net/prefix.js';
import { ALLOCATED, ALLOCATED_AS_OF } from '../dist/policy/guards/allocated.js';
import { SPECIAL_USE } from '../dist/policy/guards/special-use.js';

const [file] = process.argv.slice(2);
if (file === undefined) {
  console.error('usage: node scripts/compare-allocated.js FILE');
  process.exit(1);
}
// Cells may be quoted and run over lines: they hold neither a prefix nor the status.
const rows = readFileSync(file, 'utf8')
  .replace(/"[^"]*"/g, '')
  .split(/\r?\n/)
  .filter((line) => line !== '')
  .map((line) => line.split(','));
const [header = [], ...records] = rows;
const column = (name) => header.findIndex((cell) => cell.trim().replace(/ \[\d+\]$/, '') === name);
const [prefix, status] = [column('Prefix'), column('Status')];
if (prefix < 0 || status < 0) throw new Error(`${file}: the columns Prefix and Status are expected`);
const given = AddressSet.fromPrefixes(
  6,
  records.filter((cells) => cells[status] === 'ALLOCATED').map((cells) => readPrefixText(cells[prefix])),
).difference(SPECIAL_USE.ipv6);
const known = ALLOCATED.ipv6.difference(SPECIAL_USE.ipv6);
const [missing, surplus] = [given.difference(known), known.difference(given)];
for (const one of missing.coverTexts()) console.log(`add ${one}`);
for (const one of surplus.coverTexts()) console.log(`take out ${one}`);
if (missing.isEmpty && surplus.isEmpty) console.log(`as in the list of ${ALLOCATED_AS_OF}`);
else process.exitCode = 2;
