import { describe, expect, it } from 'vitest';
import { proveReadBack } from '../../src/targets/build.ts';
import { makePolicy } from '../support/policy.ts';
import { buildBundled } from '../support/rule-files.ts';

/** Mail to names that have addresses too, as an endpoint set of Microsoft 365 asks for it; AMQP by name alone. */
const policy = makePolicy(
  { name: 'mail', names: { '25,443': ['*.mail.example.com'] }, prefixes: ['192.0.2.0/24'], ports: '25' },
  { name: 'bus', names: { '5671': ['*.bus.example.net'], '443': ['web.example.net'] } },
);

describe('edl', () => {
  it('writes names for web traffic, and addresses where a URL list matches nothing', async () => {
    const { files, plan } = await buildBundled('edl', policy);
    const lines = (path: string) =>
      files
        .find((file) => file.path === path)!
        .text.split('\n')
        .slice(0, -1);
    expect(lines('urls.txt')).toEqual(['*.mail.example.com/', 'web.example.net/']);
    expect(lines('ipv4.txt')).toEqual(['192.0.2.0/24']);
    expect(plan.omissions.map(({ rule, omitted }) => [rule, ...omitted.describe()])).toEqual([
      ['mail', 'port 25: *.mail.example.com'],
      ['bus', 'port 5671: *.bus.example.net'],
    ]);
    const names = plan.admission.grants.filter(({ hosts }) => !hosts.isEmpty).map(({ ports }) => `${ports}`);
    expect(names).toEqual(['80,443,8080,8443']);
    expect(lines('about.txt').join(' ').replaceAll(' #   ', ' ')).toContain(
      'NOT IN THESE FILES (rule bus; this target matches names on port 80,443,8080,8443 only)',
    );
  });

  it('is held to the names that are left', async () => {
    const { files, plan, target } = await buildBundled('edl', policy);
    const edited = files.map((file) => ({
      ...file,
      text: file.text.replace(/^(web\.example\.net\/?\n)/m, (line) =>
        line.includes('/') ? `${line}*.bus.example.net/\n` : `${line}*.bus.example.net\n`,
      ),
    }));
    const found = proveReadBack(target, plan, edited).map(({ what }) => what);
    expect(found).toEqual(['not in the policy: port 80,443,8080,8443: *.bus.example.net']);
  });
});
