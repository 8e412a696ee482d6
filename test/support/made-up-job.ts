import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig } from '../../src/config/load.ts';
import { type JobResult, runJob } from '../../src/job.ts';
import { weeklyTag } from '../feed/weekly-file.ts';

/** A week that never was, and the configuration that meets it. */
export interface MadeUpJob {
  /** YYYY-MM-DD */
  readonly date: string;
  readonly tags: Readonly<Record<string, readonly string[]>>;
  /** The rules and targets of the configuration, in YAML. */
  readonly config: string;
}

/** Runs the weekly job in a directory, with the output tree in its folder `allowlists`; guards that measure growth and shrinkage let everything pass. */
export function runMadeUp(directory: string, { date, tags, config }: MadeUpJob): Promise<JobResult> {
  const feed = join(directory, `ServiceTags_Public_${date.replaceAll('-', '')}.json`);
  const values = Object.entries(tags).map(([name, prefixes]) => weeklyTag(name, [...prefixes]));
  writeFileSync(feed, JSON.stringify({ changeNumber: 0, cloud: 'Public', values }));
  const text = `version: 1
${config}
output: allowlists
guards:
  special-use: { allow: [198.18.0.0/15, 203.0.113.0/24, 2001:db8::/32] }
  tag-shrink: { percent: 100, ipv6Percent: 100 }
  tag-growth: { percent: 100 }
  feed-shrink: { percent: 100, prefixPercent: 100 }
`;
  return runJob({
    config: parseConfig(text, join(directory, 'allowlist.yaml')),
    ...{ feed, dryRun: false, accept: [], offline: true, cacheDirectory: undefined, environment: {} },
    today: date,
    report: () => {},
  });
}
