import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { Io } from '../../src/cli/io.ts';
import { runCommand } from '../../src/cli/run.ts';
import { loadFeed } from '../../src/feed/load.ts';
import { EXIT_STATUS, FeedError } from '../../src/problem.ts';
import { FAULT_HTTP, FAULTS, type Fault, ok, PATH, sourceOf, TEXT } from './fault-table.ts';
import { type LoopbackServer, startServer } from './loopback-server.ts';

/** SHA-256 of the names and contents of everything below a directory. */
function digestOf(directory: string): string {
  const hash = createHash('sha256');
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  for (const path of entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort())
    hash.update(`${path}\0`).update(readFileSync(path));
  return hash.digest('hex');
}

describe('the fault server', () => {
  let server: LoopbackServer;
  let directory: string;
  let published: string;
  const table: string[] = [];

  /** The weekly job, as the command line runs it; its output tree is `<directory>/out`. */
  const run = async (fault: Fault): Promise<void> => {
    const path = join(directory, 'allowlist.yaml');
    const config = {
      version: 1,
      feed: { source: sourceOf(fault, server), http: { ...FAULT_HTTP, ...fault.http } },
      rules: [{ name: 'storage', reason: 'test', serviceTags: ['Storage', 'Sql'], ports: [443] }],
      targets: { squid: {}, iptables: {} },
      output: 'out',
      guards: {
        'special-use': { allow: ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '2001:db8::/32'] },
      },
    };
    writeFileSync(path, stringify(config));
    const io: Io = {
      out: () => {},
      err: () => {},
      environment: {},
      today: () => '2025-07-18',
      columns: undefined,
      colours: false,
      setStatus: () => {},
    };
    await runCommand({ config: path, cache: join(directory, 'cache') }, io);
  };

  beforeAll(async () => {
    server = await startServer(ok);
    directory = mkdtempSync(join(tmpdir(), 'faults-'));
    await run(FAULTS[0]!);
    published = digestOf(join(directory, 'out'));
  });
  afterAll(async () => {
    await server.close();
    rmSync(directory, { recursive: true, force: true });
    process.stdout.write(
      `\n${FAULTS.length} faults served over HTTP to the weekly job; its output tree stood each time\n${table.join('\n')}\n`,
    );
  });

  it('has at least 25 faults', () => {
    expect(FAULTS.length).toBeGreaterThanOrEqual(25);
  });

  it.each(FAULTS)('$fault', async (fault) => {
    rmSync(join(directory, 'cache'), { recursive: true, force: true });
    server.handle(fault.serve(server));
    server.requests.length = 0;
    const error = await run(fault).catch((reason: unknown) => reason);
    if (fault.outcome === 'success') {
      table.push(`  exit 0  ${fault.fault}`);
      expect(error).toBeUndefined();
    } else {
      expect(error).toBeInstanceOf(FeedError);
      const { exitStatus, message } = error as FeedError;
      table.push(`  exit ${exitStatus}  ${fault.fault}: ${message.split('\n')[1]?.trim()}`);
      expect(exitStatus).toBe(EXIT_STATUS.feed);
      expect(message).toMatch(fault.outcome);
    }
    if (fault.requests !== undefined) expect(server.requests).toHaveLength(fault.requests);
    expect(digestOf(join(directory, 'out'))).toBe(published);
  });

  it('that serves another week changes the tree: the digest above can fail', async () => {
    server.handle((_, response) => response.end(TEXT.replace('192.0.2.128/26', '192.0.2.128/25')));
    await run(FAULTS[0]!);
    expect(digestOf(join(directory, 'out'))).not.toBe(published);
  });

  it('that is not there: the connection is refused', async () => {
    const gone = await startServer(ok);
    await gone.close();
    const promise = loadFeed({
      cloud: 'public',
      override: gone.origin + PATH,
      http: { retries: 1, firstWaitSeconds: 0.01 },
      environment: {},
      today: '2025-07-18',
      report: () => {},
    });
    await expect(promise).rejects.toThrow(/the connection is refused \(ECONNREFUSED\) after 2 attempts/);
  });
});
