import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { parseServiceTags } from '../../src/feed/parse.ts';
import type { Snapshot } from '../../src/feed/snapshot.ts';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { comparePrefixes, parsePrefix } from '../../src/net/prefix.ts';
import type { Policy, TagAddresses } from '../../src/policy/policy.ts';
import type { FeedWeek } from '../../src/review/review.ts';
import { feedFile } from '../support/feeds.ts';
import { makePolicy, type RuleParts } from '../support/policy.ts';

/** A tag as a test writes it down: `tag('Storage.WestEurope', 'westeurope', '192.0.2.0/24')`. */
export function tag(name: string, region: string, ...texts: readonly string[]): TagAddresses {
  const prefixes = texts.map(parsePrefix).sort(comparePrefixes);
  return { tag: name, region, prefixes, addresses: DualStackSet.fromPrefixes(prefixes) };
}

/** `makePolicy` with tags, given by rule name. */
export function policyOf(
  tags: Readonly<Record<string, readonly TagAddresses[]>>,
  ...rules: RuleParts[]
): Policy {
  const policy = makePolicy(...rules);
  return {
    ...policy,
    rules: policy.rules.map((rule) => ({
      ...rule,
      tags: tags[rule.name] ?? [],
      addresses: DualStackSet.union([rule.addresses, ...(tags[rule.name] ?? []).map((one) => one.addresses)]),
    })),
  };
}

export function week(fileDate: string, changeNumber = 1): FeedWeek {
  return {
    cloud: 'public',
    name: `ServiceTags_Public_${fileDate.replaceAll('-', '')}.json`,
    fileDate,
    changeNumber,
  };
}

/** A real weekly file, by `20250714`. */
export function realWeek(date: string): Snapshot {
  return parseServiceTags(gunzipSync(readFileSync(feedFile(date))), `ServiceTags_Public_${date}.json`);
}
