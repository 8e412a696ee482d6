import { readParts } from '../../src/committed/lock.ts';
import { CLOUDS } from '../../src/feed/cloud.ts';
import { parseServiceTags } from '../../src/feed/parse.ts';
import type { Cloud, Snapshot } from '../../src/feed/snapshot.ts';
import { PortSet } from '../../src/net/ports.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import type { AcceptedSizes } from '../../src/policy/guards/drift.ts';
import type { Finding } from '../../src/policy/guards/guard.ts';
import { judge } from '../../src/policy/guards/judge.ts';
import type { KnownFigures } from '../../src/policy/guards/known-figures.ts';
import { DEFAULT_LIMITS, type GuardLimits } from '../../src/policy/guards/limits.ts';
import { resolvePolicy } from '../../src/policy/resolve.ts';
import { spaceOf, totalsOf } from '../../src/policy/totals.ts';
import { weeklyTag } from '../feed/weekly-file.ts';

/** A week as a test writes it down. */
export interface MadeUpWeek {
  readonly cloud?: Cloud;
  /** YYYYMMDD; `Latest` for a file without a date. */
  readonly date?: string;
  readonly changeNumber?: number;
  readonly tags: Readonly<Record<string, readonly string[]>>;
  /** Instead of what the tags add up to: they are a few of a feed's thousands. */
  readonly feedAddresses?: bigint;
}

export interface MadeUpCase {
  readonly before?: MadeUpWeek | undefined;
  readonly after: MadeUpWeek;
  /** Service tags by rule; one rule with all tags of both weeks by default. */
  readonly rules?: Readonly<Record<string, readonly string[]>>;
  /** Prefixes that the configuration adds to a rule of their own. */
  readonly prefixes?: readonly string[];
  readonly limits?: Partial<GuardLimits>;
  readonly today?: string;
  readonly accept?: readonly string[];
  /** Earlier weeks that were accepted, oldest first. */
  readonly accepted?: readonly AcceptedSizes[];
  /** The parts of tags in the earlier week, by tag, as a lock names them. */
  readonly parts?: Readonly<Record<string, string>>;
  readonly knownFigures?: KnownFigures;
  /** Regions by tag, of the later week. */
  readonly regions?: Readonly<Record<string, string>>;
}

/** What the guards say of a made-up week; the rules hold no names. */
export function judgeMadeUp({
  before,
  after,
  rules = { all: [...new Set([...Object.keys(before?.tags ?? {}), ...Object.keys(after.tags)])] },
  prefixes,
  limits,
  today = '2026-01-13',
  accept = [],
  accepted = [],
  parts = {},
  regions = {},
  knownFigures,
}: MadeUpCase): Finding[] {
  const named = Object.entries(rules).map(([name, serviceTags]) => ({ name, serviceTags }));
  const configuredTags = new Map<string, string[]>();
  for (const { name, serviceTags } of named)
    for (const tag of serviceTags) configuredTags.set(tag, [...(configuredTags.get(tag) ?? []), name]);
  const plain = snapshotOf(after);
  const snapshot: Snapshot = {
    ...plain,
    tags: new Map(
      [...plain.tags].map(([name, tag]) => [
        name,
        Object.assign(tag, { region: regions[name] ?? tag.region }),
      ]),
    ),
  };
  const old = before === undefined ? undefined : snapshotOf(before);
  const ruleConfigs = [
    ...named.map((rule) => ({ ...rule, prefixes: [] })),
    ...(prefixes === undefined
      ? []
      : [{ name: 'own', serviceTags: [], prefixes: prefixes.map(parsePrefix) }]),
  ].map((rule) => ({
    ...rule,
    reason: '',
    endpoints: [],
    hosts: [],
    m365: [],
    ports: PortSet.parse('443'),
    addressUse: 'fallback' as const,
  }));
  return judge(
    {
      limits: { ...DEFAULT_LIMITS, ...limits },
      today,
      snapshot,
      totals: totals(after, snapshot),
      space: spaceOf(snapshot),
      policy: resolvePolicy(ruleConfigs, new Map(), snapshot.tags),
      configuredTags,
      knownFigures,
      baseline:
        old === undefined || before === undefined
          ? undefined
          : {
              cloud: old.cloud,
              fileDate: old.fileDate,
              changeNumber: old.changeNumber,
              contentSha256: old.contentSha256,
              totals: totals(before, old),
              space: spaceOf(old),
              accepted,
              parts: readParts({ parts }),
              tags: new Map(
                [...old.tags]
                  .filter(([tag]) => configuredTags.has(tag))
                  .map(([tag, { addresses }]) => [tag, addresses]),
              ),
            },
    },
    accept,
  );
}

function totals({ feedAddresses }: MadeUpWeek, snapshot: Snapshot) {
  const counted = totalsOf(snapshot);
  return feedAddresses === undefined ? counted : { ...counted, ipv4Addresses: feedAddresses };
}

function snapshotOf({ cloud = 'public', date = '20260112', changeNumber = 42, tags }: MadeUpWeek) {
  const text = JSON.stringify({
    changeNumber,
    cloud: CLOUDS[cloud].nameInFile,
    values: Object.entries(tags).map(([name, prefixes]) => weeklyTag(name, [...prefixes])),
  });
  return parseServiceTags(text, `ServiceTags_${date}.json`, { cloud });
}
