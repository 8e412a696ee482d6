import { execFile } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { lacks } from '../support/programs.ts';

const LINUX = ['nftables', 'iptables', 'dnsmasq'];

async function unitOf(id: string): Promise<string> {
  const readme = fileURLToPath(new URL(`../../templates/${id}/README.md`, import.meta.url));
  const text = await readFile(readme, 'utf8');
  expect(text).toContain(`/etc/systemd/system/azure-allowlist-${id}.service`);
  return /```ini\n([\s\S]*?)```/.exec(text)![1]!;
}

describe('the systemd units of the READMEs', () => {
  it.each(LINUX)(
    '%s: is loaded after what flushes, before the network is up, and runs the load script',
    async (id) => {
      const unit = await unitOf(id);
      const values = (key: string) =>
        [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].flatMap(([, value]) => value!.split(' '));
      const flushing = id === 'iptables' ? 'netfilter-persistent.service' : 'nftables.service';
      for (const key of ['After', 'PartOf', 'ReloadPropagatedFrom']) expect(values(key)).toContain(flushing);
      expect(values('Before')).toContain('network-pre.target');
      expect(values('Wants')).toContain('network-pre.target');
      for (const key of ['ExecStart', 'ExecReload'])
        expect(values(key)).toEqual(['/bin/sh', `/etc/azure-allowlist/${id}/load.sh`]);
      if (id === 'dnsmasq') {
        expect(values('Before')).toContain('dnsmasq.service');
        expect(values('ExecStop')).toEqual(['/bin/sh', '/etc/azure-allowlist/dnsmasq/load.sh', 'save']);
      }
    },
  );

  it.skipIf(lacks('systemd-analyze')).each(LINUX)(
    '%s: systemd finds nothing to complain about',
    async (id) => {
      const directory = await mkdtemp(join(tmpdir(), 'units-'));
      const path = join(directory, `azure-allowlist-${id}.service`);
      await writeFile(path, await unitOf(id));
      const { stderr } = await promisify(execFile)('systemd-analyze', [
        'verify',
        '--man=no',
        '--recursive-errors=no',
        path,
      ]);
      expect(stderr).toBe('');
    },
  );
});
