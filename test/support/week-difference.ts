import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { feedFile } from './feeds.ts';

const ORACLE = fileURLToPath(new URL('./week_difference.py', import.meta.url));

/** Addresses of one family: how many, the fewest prefixes, and the ranges as first and last number. */
export interface OracleFamily {
  readonly addresses: string;
  readonly prefixes: readonly string[];
  readonly ranges: readonly (readonly [first: string, last: string])[];
}

export type OracleSet = Readonly<Record<'ipv4' | 'ipv6', OracleFamily>>;

export interface OracleChange {
  readonly gained: OracleSet;
  readonly lost: OracleSet;
}

type Part = 'all' | 'part' | 'nothing';

/** What Python finds to differ between two weeks. */
export interface WeekDifference {
  readonly tags: Readonly<
    Record<
      string,
      {
        readonly gained: readonly string[];
        readonly lost: readonly string[];
        /** How much of each of these prefixes all tags together gained or lost. */
        readonly gainedParts: readonly Part[];
        readonly lostParts: readonly Part[];
        readonly space: OracleChange;
      }
    >
  >;
  readonly space: OracleChange;
  readonly kept: OracleSet;
  readonly now: Readonly<Record<'ipv4' | 'ipv6', string>>;
  readonly moves: readonly { readonly from: string; readonly to: string; readonly addresses: OracleSet }[];
  readonly covered: readonly { readonly tag: string; readonly addresses: OracleSet }[];
}

/** Asks Python's `ipaddress` what differs between two real weeks, in these tags or in all. */
export function weekDifference(before: string, after: string, tags: readonly string[]): WeekDifference {
  const result = spawnSync('python3', [ORACLE, feedFile(before), feedFile(after), ...tags], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout: 120_000,
  });
  expect(result.stderr).toBe('');
  return JSON.parse(result.stdout) as WeekDifference;
}
