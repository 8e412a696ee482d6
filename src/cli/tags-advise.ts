import { parseTypedPrefix } from '../config/typed-prefix.ts';
import { type EndpointCloud, type EndpointTable, tableOfCloud } from '../endpoints/endpoint-table.ts';
import { listEndpointTables, loadEndpointTable } from '../endpoints/load.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { parseHost } from '../net/host-pattern.ts';
import { type AdvisedTag, adviseForNames, adviseForRanges } from '../policy/answer/advise-tags.ts';
import { addressesOfNoRegion } from '../policy/regional-tags.ts';
import { ConfigurationError } from '../problem.ts';
import { spaceInWords } from '../review/wording.ts';
import { formatTable } from '../text-table.ts';
import type { Io } from './io.ts';
import { type FeedFlags, feedOf } from './request.ts';

/** How many ranges or names a line spells out. */
const SHOWN = 6;

/**
 * Which service tags to take for ranges, for hosts of endpoint tables, or for whole tables, and what they open besides.
 * Rows of other clouds than the feed's are not asked for.
 * @throws ConfigurationError for queries of different kinds, for what is none, and for tables of another cloud
 */
export async function tagsAdviseCommand(
  queries: readonly string[],
  flags: FeedFlags & { readonly json?: boolean },
  io: Io,
): Promise<void> {
  const tables = await listEndpointTables();
  const kinds = new Set(queries.map((query) => kindOf(query, tables)));
  const [kind] = kinds;
  if (kinds.size > 1) throw new ConfigurationError('give ranges, hosts or tables, one kind at a time');
  const { snapshot } = await feedOf(flags, io);
  const cloud = snapshot.cloud as EndpointCloud;
  const load = (ids: readonly string[]) => Promise.all(ids.map((id) => loadEndpointTable(id)));
  const ofCloud = (all: readonly EndpointTable[]) =>
    all.filter(({ clouds }) => clouds.includes(cloud)).map((table) => tableOfCloud(table, cloud));
  const advice =
    kind === 'range'
      ? adviseForRanges(queries.map(rangeOf), snapshot.tags.values())
      : kind === 'table'
        ? adviseForNames(ofCloud(requireCloud(await load(queries), cloud)), undefined, snapshot.tags)
        : adviseForNames(
            ofCloud(await load(tables)),
            queries.map((query) => hostOf(query)),
            snapshot.tags,
          );
  const noRegion = new Map(
    [...advice.fewest, ...advice.narrowest].flatMap(({ name }) => {
      const addresses = addressesOfNoRegion(name, snapshot.tags);
      return addresses === undefined || addresses.isEmpty ? [] : [[name.split('.')[0]!, addresses] as const];
    }),
  );
  if (flags.json === true) {
    const written = (tags: readonly AdvisedTag[]) =>
      tags.map(({ name, addresses, besides, for: needed }) => ({
        tag: name,
        for: needed,
        ipv4Addresses: addresses.ipv4.size.toString(),
        ipv4AddressesBesides: besides.ipv4.size.toString(),
        ipv6Addresses: addresses.ipv6.size.toString(),
      }));
    io.out(
      JSON.stringify(
        {
          fewest: written(advice.fewest),
          narrowest: written(advice.narrowest),
          uncovered: advice.uncovered,
          ofNoRegion: Object.fromEntries([...noRegion].map(([name, set]) => [name, set.toStrings()])),
        },
        null,
        2,
      ),
    );
    return;
  }
  const same = sameTags(advice.fewest, advice.narrowest);
  if (advice.fewest.length > 0)
    io.out(`${same ? 'The tags' : 'The fewest tags'}:\n${tableOf(advice.fewest)}`);
  if (!same) io.out(`\nThe tags that open the least:\n${tableOf(advice.narrowest)}`);
  if (advice.uncovered.length > 0)
    io.out(
      `\n${formatTable([['not covered', 'why'], ...advice.uncovered.map(({ what, why }) => [what, why])])}`,
    );
  for (const [name, addresses] of noRegion)
    io.out(
      `\n${name}: ${spaceInWords(addresses)} belong to no region, so that its regional tags lack them: ${listed(addresses.toStrings())}`,
    );
}

/** @throws ConfigurationError naming every table that is of no such cloud */
function requireCloud(tables: readonly EndpointTable[], cloud: string): readonly EndpointTable[] {
  const problems = tables
    .filter(({ clouds }) => !clouds.some((one) => one === cloud))
    .map(({ id, clouds }) => ({
      where: `endpoint table ${id}`,
      what: `it is of the cloud ${clouds.join(' and ')}, the feed of ${cloud}`,
      next: 'give the feed of its cloud, or a table of this one',
    }));
  if (problems.length > 0) throw new ConfigurationError('No tags can be advised', problems);
  return tables;
}

function kindOf(query: string, tables: readonly string[]): 'range' | 'table' | 'host' {
  if (/^[\d.]+(\/.*)?$|[:/]/.test(query)) return 'range';
  return tables.includes(query) ? 'table' : 'host';
}

function rangeOf(text: string): { readonly text: string; readonly addresses: DualStackSet } {
  try {
    return { text, addresses: DualStackSet.fromPrefixes([parseTypedPrefix(text)]) };
  } catch (error) {
    throw new ConfigurationError((error as Error).message, [], { cause: error });
  }
}

function hostOf(text: string): string {
  try {
    return parseHost(text);
  } catch (error) {
    throw new ConfigurationError((error as Error).message, [], { cause: error });
  }
}

function sameTags(a: readonly AdvisedTag[], b: readonly AdvisedTag[]): boolean {
  const names = (tags: readonly AdvisedTag[]) =>
    tags
      .map(({ name }) => name)
      .sort()
      .join(' ');
  return names(a) === names(b);
}

function tableOf(tags: readonly AdvisedTag[]): string {
  return formatTable([
    ['tag', 'for', 'opens besides'],
    ...tags.map(({ name, besides, for: needed }) => [name, listed(needed), spaceInWords(besides)]),
  ]);
}

function listed(texts: readonly string[]): string {
  const more = texts.length - SHOWN;
  return `${texts.slice(0, SHOWN).join(' ')}${more > 0 ? ` and ${more} more` : ''}`;
}
