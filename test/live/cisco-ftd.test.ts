import { execFile } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import type { Policy } from '../../src/policy/policy.ts';
import { makePolicy } from '../support/policy.ts';
import { lacks } from '../support/programs.ts';
import { buildBundled } from '../support/rule-files.ts';

/*
 * No management center is at hand: a server that keeps network groups as Cisco's documents say of its REST API, asked by
 * the very commands of the README.
 */

const TOKEN = 'a-token';
const BASE = '/api/fmc_config/v1/domain/a-domain/object/networkgroups';

interface Group {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly literals: readonly { readonly type: string; readonly value: string }[];
}

/** Keeps groups by id: POST makes one, whose name must be new; PUT replaces one, whose id must be in the body. */
class ManagementCenter {
  readonly groups = new Map<string, Group>();
  readonly asked: string[] = [];
  #server: Server | undefined;

  async listen(): Promise<string> {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const { pathname } = new URL(request.url ?? '', 'http://localhost');
        const id = pathname.slice(BASE.length + 1);
        this.asked.push(`${request.method} ${id}`.trim());
        const [status, body] =
          request.headers['x-auth-access-token'] !== TOKEN || !pathname.startsWith(BASE)
            ? [401, {}]
            : this.#answer(request.method ?? '', id, Buffer.concat(parts).toString());
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
    });
    await new Promise<void>((done) => this.#server!.listen(0, '127.0.0.1', done));
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server?.close();
  }

  #answer(method: string, id: string, text: string): [status: number, body: unknown] {
    if (method === 'GET') {
      const items = [...this.groups.values()].map(({ id, name, type }) => ({ id, name, type }));
      return [200, items.length === 0 ? { paging: { count: 0 } } : { items }];
    }
    const given = JSON.parse(text) as Group;
    const isKnown = [...this.groups.values()].some(({ name }) => name === given.name);
    if (given.type !== 'NetworkGroup' || given.literals.length === 0) return [400, {}];
    if (method === 'POST') {
      if (isKnown || 'id' in given) return [400, {}];
      const fresh = `uuid-${this.groups.size + 1}`;
      this.groups.set(fresh, { ...(given as object), id: fresh } as Group);
      return [201, this.groups.get(fresh)];
    }
    if (method !== 'PUT' || !this.groups.has(id) || given.id !== id) return [404, {}];
    this.groups.set(id, given);
    return [200, given];
  }
}

describe.skipIf(lacks('bash', 'curl', 'jq'))('the commands of the README', () => {
  const center = new ManagementCenter();
  afterEach(() => center.close());

  it('make each group once, and replace what it holds from then on', async () => {
    const readme = await readFile(new URL('../../templates/cisco-ftd/README.md', import.meta.url), 'utf8');
    const [, commands] = /```sh\n([\s\S]+?)```/.exec(readme)!;
    const host = await center.listen();
    const load = async (policy: Policy) => {
      const directory = await mkdtemp(join(tmpdir(), 'ftd-'));
      const { files } = await buildBundled('cisco-ftd', policy);
      for (const { path, text } of files) await writeFile(join(directory, path), text);
      await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', commands!.replace('https:', 'http:')], {
        cwd: directory,
        env: { ...process.env, FMC: host, DOMAIN: 'a-domain', TOKEN },
      });
      return Object.fromEntries(
        [...center.groups.values()].map(({ name, literals }) => [name, literals.map(({ value }) => value)]),
      );
    };
    expect(
      await load(makePolicy({ name: 'web', prefixes: ['192.0.2.0/24', '203.0.113.7/32', '2001:db8::/48'] })),
    ).toEqual({ 'azure-web-ipv4': ['192.0.2.0/24', '203.0.113.7'], 'azure-web-ipv6': ['2001:db8::/48'] });
    expect(center.asked).toEqual(['GET', 'POST', 'POST']);
    expect(
      await load(
        makePolicy(
          { name: 'web', prefixes: ['192.0.2.0/25', '2001:db8::/48'] },
          { name: 'sql', prefixes: ['198.18.0.0/15'] },
        ),
      ),
    ).toEqual({
      'azure-web-ipv4': ['192.0.2.0/25'],
      'azure-web-ipv6': ['2001:db8::/48'],
      'azure-sql-ipv4': ['198.18.0.0/15'],
    });
    expect(center.asked.slice(3)).toEqual(['GET', 'POST', 'PUT uuid-1', 'PUT uuid-2']);
  });
});
