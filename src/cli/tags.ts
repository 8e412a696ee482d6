import { parseTypedPrefix } from '../config/typed-prefix.ts';
import type { ServiceTag } from '../feed/snapshot.ts';
import { counted } from '../numbers.ts';
import { tagsHolding } from '../policy/answer/tags-holding.ts';
import { ConfigurationError, EXIT_STATUS } from '../problem.ts';
import { closest } from '../suggest.ts';
import { formatTable } from '../text-table.ts';
import type { Io } from './io.ts';
import { type FeedFlags, feedOf } from './request.ts';

/** The service tags of the feed: those with a word, or those that hold the addresses or CIDRs asked for. */
export async function tagsCommand(
  words: readonly string[],
  flags: FeedFlags & { readonly json?: boolean },
  io: Io,
): Promise<void> {
  if (words[0] === 'advise' && words.length > 1)
    return (await import('./tags-advise.ts')).tagsAdviseCommand(words.slice(1), flags, io);
  if (words.some(looksLikeAddress)) return holders(words, flags, io);
  if (words.length > 1)
    throw new ConfigurationError(
      `${words.length} words to search for; give one, in quotes if it has spaces, or addresses and CIDRs`,
    );
  const [word] = words;
  const { snapshot } = await feedOf(flags, io);
  const wanted = searchable(word ?? '');
  const rows = [...snapshot.tags.values()]
    .filter(({ name, region, systemService }) =>
      [name, region, systemService].some((text) => searchable(text).includes(wanted)),
    )
    .map(({ name, region, systemService, prefixes, addresses }) => ({
      name,
      region,
      systemService,
      prefixes: prefixes.length,
      ipv4Addresses: addresses.ipv4.size.toString(),
      ipv6Prefixes: prefixes.filter(({ family }) => family === 6).length,
    }));
  if (rows.length === 0 && word !== undefined) io.err(noneFor(word, [...snapshot.tags.values()]));
  if (flags.json === true) {
    io.out(JSON.stringify(rows, null, 2));
    return;
  }
  if (rows.length === 0) return;
  const table = [
    ['tag', 'region', 'service', 'prefixes', 'IPv4 addresses', 'IPv6 prefixes'],
    ...rows.map(({ name, region, systemService, prefixes, ipv4Addresses, ipv6Prefixes }) => [
      name,
      region || '-',
      systemService || '-',
      String(prefixes),
      ipv4Addresses,
      String(ipv6Prefixes),
    ]),
  ];
  io.out(formatTable(table, [3, 4, 5]));
  io.out(`${rows.length} of ${snapshot.tags.size} service tags`);
}

/** A word of a tag has letters and no colon or slash. */
function looksLikeAddress(text: string): boolean {
  return /^[\d.]+(\/.*)?$|[:/]/.test(text);
}

/** Which tags hold each address or CIDR. One that cannot be read keeps none of the others from its answer. */
async function holders(
  queries: readonly string[],
  flags: FeedFlags & { readonly json?: boolean },
  io: Io,
): Promise<void> {
  const { snapshot } = await feedOf(flags, io);
  const answers = queries.map((query) => {
    try {
      return { query, tags: tagsHolding(parseTypedPrefix(query), snapshot.tags.values()) };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return { query, error: error.message };
    }
  });
  if (answers.some(({ error }) => error !== undefined)) io.setStatus(EXIT_STATUS.configuration);
  if (flags.json === true) {
    io.out(JSON.stringify(answers, null, 2));
    return;
  }
  for (const { query, tags = [], error } of answers)
    if (error !== undefined) io.err(`${query}: ${error}`);
    else if (tags.length === 0) io.out(`${query}: in none of ${snapshot.tags.size} service tags\n`);
    else {
      const table = [
        ['tag', 'region', 'service', 'published as', 'addresses of the tag'],
        ...tags.map(({ name, region, systemService, contains, prefix, addresses }) => [
          name,
          region || '-',
          systemService || '-',
          prefix ?? (contains === 'part' ? 'a part of it' : 'several prefixes'),
          addresses,
        ]),
      ];
      io.out(`${query}: in ${counted(tags.length, 'service tag')}, the narrowest first`);
      io.out(`${formatTable(table, [4])}\n`);
    }
}

/** "West Europe", "west-europe" and "westeurope" are one word to search for. */
function searchable(text: string): string {
  return text.toLowerCase().replace(/[\s_-]/g, '');
}

function noneFor(word: string, tags: readonly ServiceTag[]): string {
  const known = tags.flatMap(({ name, region, systemService }) => [name, region, systemService]);
  const near = closest(
    word,
    known.filter((text) => text !== ''),
  );
  return `none of ${tags.length} service tags has ${JSON.stringify(word)} in its name, region or service${near.length > 0 ? `; did you mean ${near.join(' or ')}?` : ''}`;
}
