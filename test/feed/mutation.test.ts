import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseServiceTags } from '../../src/feed/parse.ts';
import { formatPrefix } from '../../src/net/prefix.ts';
import { EXIT_STATUS, FeedError } from '../../src/problem.ts';
import { feedFile, feedsAvailable } from '../support/feeds.ts';
import { below, seededRandom } from '../support/random.ts';
import { type WeeklyFile, weeklyFile } from './weekly-file.ts';

const MUTANTS = 10_000;
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);

/** A whole number from 0, below the bound. */
type Random = (bound: number) => number;

/** The made-up week, and a slice of a real one that is cut in memory and never stored. */
function seeds(): WeeklyFile[] {
  if (!feedsAvailable) return [weeklyFile()];
  const real = JSON.parse(gunzipSync(readFileSync(feedFile('20250714'))).toString()) as WeeklyFile;
  const values = real.values.filter((_, index) => index % 250 === 0);
  for (const { properties } of values)
    properties.addressPrefixes = (properties.addressPrefixes as unknown[]).slice(0, 8);
  return [weeklyFile(), { ...real, values }];
}

const VALUES: readonly unknown[] = [
  null,
  true,
  -1,
  1e308,
  0.5,
  2 ** 53,
  '',
  ' ',
  '\u0000',
  'a\nb',
  'China',
  [],
  {},
  [[]],
  ['192.0.2.0/24'],
  { length: 3 },
  '0.0.0.0/0',
  '::/0',
  '192.0.2.0/33',
  '192.0.2.0/024',
  '192.0.2.1/24',
  '192.0.2.0/24 ',
  '192.0.2.0/+24',
  '٣.0.2.0/24',
  '192.0.2.0',
  '::ffff:192.0.2.0/120',
  '2001:DB8::/32',
  '2001:db8::/128\r',
  '$(id)/24',
  '__proto__',
  'constructor',
  '9'.repeat(5000),
];

interface Slot {
  readonly holder: Record<string, unknown> | unknown[];
  readonly key: string;
}

/** Every place in the document where something stands. */
function slotsOf(value: unknown, slots: Slot[] = []): Slot[] {
  if (typeof value === 'object' && value !== null)
    for (const key of Object.keys(value)) {
      slots.push({ holder: value as Slot['holder'], key });
      slotsOf((value as Record<string, unknown>)[key], slots);
    }
  return slots;
}

function mutateValue(file: WeeklyFile, random: Random): string {
  const copy = structuredClone(file);
  for (let count = 1 + random(2); count > 0; count--) {
    const slots = slotsOf(copy);
    if (slots.length === 0) break;
    const { holder, key } = slots[random(slots.length)]!;
    const target = holder as Record<string, unknown>;
    switch (random(7)) {
      case 0:
        if (Array.isArray(holder)) holder.splice(Number(key), 1);
        else delete target[key];
        break;
      case 1:
        target[key] = slots.length === 0 ? null : structuredClone(target[key]);
        if (Array.isArray(holder)) holder.push(structuredClone(target[key]));
        else target[`${key}2`] = structuredClone(target[key]);
        break;
      case 2:
        target[key] = [target[key]];
        break;
      case 3: {
        const other = slots[random(slots.length)]!;
        target[key] = structuredClone((other.holder as Record<string, unknown>)[other.key]);
        break;
      }
      case 4:
        if (typeof target[key] === 'string') target[key] = mutateText(target[key], random);
        break;
      default:
        target[key] = VALUES[random(VALUES.length)];
    }
  }
  return JSON.stringify(copy, null, random(3));
}

const CHARACTERS = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '0',
  '9',
  '/',
  '.',
  '\n',
  '\r',
  '\t',
  ' ',
  'e',
  '-',
  'é',
  '\ud800',
  '\u0000',
];

function mutateText(text: string, random: Random): string {
  const at = random(text.length + 1);
  const length = random(Math.min(40, text.length + 1));
  switch (random(5)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + length);
    case 2:
      return text.slice(0, at) + text.slice(at, at + length) + text.slice(at);
    case 3:
      return text.slice(0, at) + CHARACTERS[random(CHARACTERS.length)]! + text.slice(at);
    default:
      return text.slice(0, at) + CHARACTERS[random(CHARACTERS.length)]! + text.slice(at + 1);
  }
}

/** Exactly what the text says, read the plain way. */
function contentOf(text: string): unknown {
  const file = JSON.parse(text.replace(/^\ufeff/, '')) as WeeklyFile;
  return file.values.map(({ name, id, properties }) => [
    name,
    id,
    properties.changeNumber,
    properties.region,
    properties.systemService,
    properties.platform,
    properties.addressPrefixes,
  ]);
}

describe('mutated feeds', () => {
  it(`are accepted exactly or refused (seed ${SEED})`, () => {
    const draw = seededRandom(SEED);
    const random: Random = (bound) => below(draw, bound);
    const files = seeds();
    const count = { accepted: 0, refused: 0 };
    for (let mutant = 0; mutant < MUTANTS; mutant++) {
      const file = files[mutant % files.length]!;
      const text =
        random(2) === 0
          ? mutateValue(file, random)
          : mutateText(JSON.stringify(file, null, random(3)), random);
      const bytes = new TextEncoder().encode(text);
      try {
        const snapshot = parseServiceTags(bytes, 'mutant', { cloud: 'public' });
        const parsed = [...snapshot.tags.values()].map((tag) => [
          tag.name,
          tag.id,
          tag.changeNumber,
          tag.region,
          tag.systemService,
          tag.platform,
          tag.prefixes.map(formatPrefix),
        ]);
        expect(parsed, `mutant ${mutant}, seed ${SEED}`).toEqual(contentOf(new TextDecoder().decode(bytes)));
        count.accepted++;
      } catch (error) {
        expect(error, `mutant ${mutant}, seed ${SEED}`).toBeInstanceOf(FeedError);
        expect((error as FeedError).exitStatus).toBe(EXIT_STATUS.feed);
        expect((error as FeedError).problems.length).toBeGreaterThan(0);
        expect((error as FeedError).message.length).toBeLessThan(10_000);
        count.refused++;
      }
    }
    process.stdout.write(
      `\n${MUTANTS} mutated feeds (seed ${SEED}): ${count.accepted} accepted exactly, ${count.refused} refused\n`,
    );
    // Both must happen often, or the mutations are too wild or too tame to prove anything.
    expect(count.accepted).toBeGreaterThan(MUTANTS / 50);
    expect(count.refused).toBeGreaterThan(MUTANTS / 4);
  });
});
