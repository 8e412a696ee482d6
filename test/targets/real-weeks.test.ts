import { describe, expect, it } from 'vitest';
import { loadEndpointTable } from '../../src/endpoints/load.ts';
import { formatHostPattern } from '../../src/net/host-pattern.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { GuardRefusal } from '../../src/problem.ts';
import {
  buildTarget,
  proveReadBack,
  type TargetOutput,
  type TargetRequest,
} from '../../src/targets/build.ts';
import { bundledTargets, loadTarget } from '../../src/targets/catalog.ts';
import { feedsAvailable } from '../support/feeds.ts';
import { exampleOptions, proseOf } from '../support/manifests.ts';
import { makePolicy } from '../support/policy.ts';
import { uncaughtEdits } from '../support/rule-files.ts';
import { readWeek, tagPrefixes } from '../support/weeks.ts';

/** Every tag of the week in one rule. */
function everything(date: string): Policy {
  const week = readWeek(date);
  return makePolicy({ name: 'everything', prefixes: tagPrefixes(week, ...week.tags.keys()) });
}

/** What a connector needs: its names, and its tags for targets that cannot match them. */
async function connector(date: string): Promise<Policy> {
  const { rows } = await loadEndpointTable('private-network-connector');
  const hosts = rows.filter(({ path }) => path === undefined);
  const week = readWeek(date);
  return makePolicy(
    {
      name: 'connector',
      names: Object.fromEntries(
        hosts.map(({ ports }) => [
          `${ports}`,
          hosts.filter((row) => row.ports.equals(ports)).map(({ host }) => formatHostPattern(host)),
        ]),
      ),
      prefixes: tagPrefixes(
        week,
        ...['AzureCloud', 'AzureActiveDirectory', 'AzureResourceManager', 'AzureFrontDoor.FirstParty'],
      ),
      ports: '80,443',
    },
    { name: 'storage-weu', prefixes: tagPrefixes(week, 'Storage.WestEurope') },
  );
}

/** As it is, or, where the target refuses so many entries, by the budget that the refusal names. */
function within(policy: Policy, request: TargetRequest): TargetOutput {
  try {
    return buildTarget(policy, request);
  } catch (error) {
    const budget = /budget: (\d+)/.exec((error as Error).message)?.[1];
    if (!(error instanceof GuardRefusal) || budget === undefined) throw error;
    const output = buildTarget(policy, { ...request, budget: { entries: Number(budget), never: [] } });
    expect(output.plan.widenings.map(({ kind }) => kind)).toContain('budget');
    return output;
  }
}

const DATES = ['20250714', '20250721', '20250728', '20250804', '20250811', '20250818'];

describe.skipIf(!feedsAvailable).each(DATES)('the week of %s', (date) => {
  it.each([
    ['all tags', async () => everything(date)],
    ['the connector', () => connector(date)],
  ] as const)('is written and read back by every target, for %s', async (_, policyOf) => {
    const policy = await policyOf();
    for (const id of await bundledTargets()) {
      const target = await loadTarget(id);
      const { plan, files, entries } = within(policy, {
        id,
        target,
        options: exampleOptions(target.manifest),
      });
      expect(proveReadBack(target, plan, files), id).toEqual([]);
      if (target.manifest.capabilities.ipv4) expect(entries, id).toBeGreaterThan(50);
      // Where rules overlap, an entry that one list loses is still admitted by another.
      if (date !== DATES[0] || policy.rules.length > 1 || plan.admission.isEmpty) continue;
      const uncaught = uncaughtEdits(
        { id, plan, files, entries, target },
        { count: 25, seed: 9, comment: /^(#|\/\/)/ },
      );
      const matter = uncaught.filter(
        ({ path, kind, before, after }) =>
          !proseOf(target.manifest).has(path) &&
          kind !== 'exchange' &&
          before.replace(/hashsize \d+/, '') !== after.replace(/hashsize \d+/, ''),
      );
      expect(matter, id).toEqual([]);
    }
  });
});
