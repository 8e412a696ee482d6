import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadTarget } from '../../src/targets/catalog.ts';
import { type Evidence, manifestSchema } from '../../src/targets/manifest.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const bundled = readdirSync(`${root}templates`, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** What is wrong with how a bundled claim is known; empty if nothing is. */
function complaints({ read, measured, unconfirmed, checked }: Evidence): string[] {
  const tests = measured?.match(/test\/live\/[\w.-]+/g) ?? [];
  return [
    ...((read ?? measured ?? unconfirmed) === undefined
      ? ['it is neither read, measured nor unconfirmed']
      : []),
    ...(checked === undefined ? [] : ['`checked` does not say what was done']),
    ...(unconfirmed === undefined || (read ?? measured) === undefined
      ? []
      : ['unconfirmed, and yet read or measured']),
    ...tests.filter((path) => !existsSync(root + path)).map((path) => `${path} is gone`),
  ];
}

describe('evidence of a bundled target', () => {
  it.each(bundled)('%s says of each claim when its document was read, or what was measured', async (id) => {
    const { manifest } = await loadTarget(id);
    expect(manifest.evidence.length).toBeGreaterThan(0);
    for (const entry of manifest.evidence) expect(complaints(entry), entry.claim).toEqual([]);
  });

  it.each([
    [{}, 'neither read, measured nor unconfirmed'],
    [{ checked: '2026-11-28' }, 'does not say what was done'],
    [{ measured: 'nginx 1.22.1, test/live/no-such.test.ts' }, 'no-such.test.ts is gone'],
    [{ read: '2026-11-28', unconfirmed: '2026-11-28' }, 'and yet read'],
  ])('%j would be told', (known, complaint) => {
    expect(complaints({ claim: 'a', url: 'https://vendor.example/', ...known }).join('\n')).toContain(
      complaint,
    );
  });
});

describe('evidence of a folder of your own', () => {
  const parse = (known: object) =>
    manifestSchema.safeParse({
      id: 'mine',
      title: 'Mine',
      description: 'Mine',
      capabilities: {},
      files: [{ path: 'a', template: 'a.hbs' }],
      evidence: [{ claim: 'a', url: 'https://vendor.example/', ...known }],
    });

  it.each([
    { checked: '2026-11-23' },
    { read: '2026-11-28' },
    { measured: 'nginx 1.22.1' },
    { unconfirmed: '2026-11-28' },
  ])('may be %j alone', (known) => {
    expect(parse(known).success).toBe(true);
  });

  it('needs none', () => {
    expect(
      manifestSchema.safeParse({ ...(parse({ checked: '2026-11-23' }).data as object), evidence: undefined })
        .success,
    ).toBe(true);
  });

  it.each([
    [{}, /say how the claim is known/],
    [{ read: 'last week' }, /date/],
    [{ measured: 'nginx' }, /measured|pattern/],
    [{ red: '2026-11-28' }, /red/],
  ])('is refused with %j', (known, message) => {
    expect(parse(known).error?.message).toMatch(message);
  });
});
