import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { buildTarget } from '../../src/targets/build.ts';
import { bundledTargets, loadTarget } from '../../src/targets/catalog.ts';
import { withContentDigest } from '../../src/targets/content-digest.ts';
import { exampleOptions } from '../support/manifests.ts';
import { makePolicy } from '../support/policy.ts';

describe('the digest in a header', () => {
  it('is the SHA-256 of the file without it', async () => {
    for (const id of await bundledTargets()) {
      const target = await loadTarget(id);
      const policy = makePolicy({ name: 'web', prefixes: ['192.0.2.0/24'], names: { '443': ['a.example'] } });
      const { files } = buildTarget(policy, { id, target, options: exampleOptions(target.manifest) });
      for (const { path, text } of files) {
        const stated = /content sha256 ([0-9a-f]{64})/i.exec(text)?.[1];
        if (stated === undefined) continue;
        const found = createHash('sha256').update(text.replaceAll(stated, '')).digest('hex');
        expect(found, `${id}/${path}`).toBe(stated);
      }
    }
  });

  it('leaves a file alone that does not ask for one', () => {
    expect(withContentDigest({ path: 'a', text: '192.0.2.0/24\n' }).text).toBe('192.0.2.0/24\n');
  });

  it('does not change with a rule that another file holds', async () => {
    const target = await loadTarget('haproxy');
    const files = (other: string) =>
      buildTarget(
        makePolicy({ name: 'web', prefixes: ['192.0.2.0/24'] }, { name: 'mail', prefixes: [other] }),
        { id: 'haproxy', target, options: {} },
      ).files;
    const text = (other: string, path: string) => files(other).find((file) => file.path === path)?.text;
    expect(text('198.51.100.0/24', 'web-ipv4.lst')).toBe(text('203.0.113.0/25', 'web-ipv4.lst'));
    expect(text('198.51.100.0/24', 'mail-ipv4.lst')).not.toBe(text('203.0.113.0/25', 'mail-ipv4.lst'));
  });
});
