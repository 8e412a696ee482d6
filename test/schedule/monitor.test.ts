import { describe, expect, it, onTestFinished } from 'vitest';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { PortSet } from '../../src/net/ports.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { Admission } from '../../src/policy/admission.ts';
import { Monitor, type RunReport } from '../../src/schedule/monitor.ts';

const admission = (...prefixes: string[]) =>
  Admission.addresses(DualStackSet.fromPrefixes(prefixes.map(parsePrefix)), PortSet.parseList('443'));

const report = (outcome: 'published' | 'unchanged', ...prefixes: string[]): RunReport =>
  ({
    outcome,
    seconds: 1.5,
    review: {
      feed: { after: { fileDate: '2026-01-05' } },
      targets: [
        {
          id: 'iptables',
          after: admission(...prefixes),
          effect: { gained: admission(...prefixes), lost: Admission.empty },
        },
      ],
    },
  }) as unknown as RunReport;

async function listening() {
  const monitor = new Monitor();
  const origin = await monitor.listen('127.0.0.1', 0);
  onTestFinished(() => monitor.close());
  const get = async (path: string, method = 'GET') => {
    const response = await fetch(`${origin}${path}`, { method });
    return [response.status, await response.text()] as const;
  };
  return { monitor, get };
}

describe('the monitor of a schedule', () => {
  it('says what the runs came to', async () => {
    const { monitor, get } = await listening();
    monitor.record(report('published', '192.0.2.0/24'), 1_767_700_000_000);
    monitor.record(report('unchanged', '192.0.2.0/24'), 1_767_800_000_000);
    monitor.record({ outcome: 'failed', exitStatus: 3, seconds: 2 }, 1_767_900_000_000);
    monitor.record({ outcome: 'failed', exitStatus: 4, seconds: 2 }, 1_767_900_000_000);
    const [status, text] = await get('/metrics');
    expect(status).toBe(200);
    const lines = text.split('\n');
    for (const line of [
      'azure_allowlist_runs_total{outcome="published"} 1',
      'azure_allowlist_runs_total{outcome="unchanged"} 1',
      'azure_allowlist_runs_total{outcome="refused"} 1',
      'azure_allowlist_runs_total{outcome="feed"} 1',
      'azure_allowlist_last_success_timestamp_seconds 1767800000',
      'azure_allowlist_last_run_timestamp_seconds 1767900000',
      'azure_allowlist_last_run_duration_seconds 2',
      'azure_allowlist_last_exit_status 4',
      'azure_allowlist_feed_date_timestamp_seconds 1767571200',
      'azure_allowlist_ipv4_addresses{target="iptables"} 256',
      'azure_allowlist_changes_total{target="iptables"} 1',
    ])
      expect(lines).toContain(line);
  });

  it('lives always, and is ready while runs go well', async () => {
    const { monitor, get } = await listening();
    expect(await get('/healthz')).toEqual([200, 'ok\n']);
    expect(await get('/readyz')).toEqual([200, 'ok\n']);
    monitor.record({ outcome: 'failed', exitStatus: 4, seconds: 1 });
    expect(await get('/healthz')).toEqual([200, 'ok\n']);
    expect((await get('/readyz'))[0]).toBe(503);
    monitor.record(report('unchanged'));
    expect((await get('/readyz'))[0]).toBe(200);
    expect((await get('/metrics', 'POST'))[0]).toBe(405);
    expect((await get('/../etc/passwd'))[0]).toBe(404);
  });
});
