import { execFileSync } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { azureAllowlist, installed, workplace } from './command.ts';

describe('probe', () => {
  it('judges addresses that another machine resolved by the output tree, and dials nothing', async () => {
    const cwd = workplace();
    cpSync(installed('data/sample'), join(cwd, 'sample'), { recursive: true });
    const run = (...args: string[]) => azureAllowlist(args, { cwd });
    const config = ['-c', 'sample/allowlist.yaml', '-o', 'out'];
    expect(await run('run', ...config)).toMatchObject({ status: 0 });

    writeFileSync(join(cwd, 'addresses.txt'), 'login.microsoftonline.com 192.0.2.1\n');
    const inside = await run('probe', ...config, '--from-file', 'addresses.txt');
    expect(inside).toMatchObject({ status: 0, stderr: '' });
    expect(inside.stdout).toMatch(/192\.0\.2\.1 +works +let through by iptables$/m);

    writeFileSync(join(cwd, 'addresses.txt'), 'login.microsoftonline.com 192.0.2.1 100.64.0.1\n');
    const outside = await run('probe', ...config, '--from-file', 'addresses.txt', '--json');
    expect(outside.status).toBe(2);
    const { counts, findings } = JSON.parse(outside.stdout);
    expect(counts).toMatchObject({ good: 1, blocked: 1 });
    expect(findings.find(({ kind }: { kind: string }) => kind === 'outside-policy')).toMatchObject({
      address: '100.64.0.1',
      advice: { responsible: 'policy' },
    });

    // A pipe would be waited for, as long as nobody writes into it.
    execFileSync('mkfifo', [join(cwd, 'pipe')]);
    const pipe = await run('probe', ...config, '--from-file', 'pipe');
    expect(pipe).toMatchObject({ status: 1, stdout: '' });
    expect(pipe.stderr).toMatch(/pipe is a pipe, not a file; write what it gives to a file first/);
  });

  it('says of each row of UDP, by name, that it was not tried', async () => {
    const cwd = workplace();
    writeFileSync(
      join(cwd, 'media.yaml'),
      `id: media
title: Media
cloud: public
confidence: high
sources: [{ id: us, title: Media, url: "https://example.com/", date: 2026-01-01 }]
rows:
  - { hosts: [turn.example.com], ports: ["3478-3481/udp"], purpose: media, sources: [us], notCovered: a test }
  - { hosts: ["*.relay.example.com"], ports: ["3478/udp"], purpose: media, sources: [us], notCovered: a test }
`,
    );
    writeFileSync(
      join(cwd, 'allowlist.yaml'),
      'version: 1\nrules: [{ name: media, endpoints: [{ file: media.yaml }] }]\ntargets: { nftables: {} }\noutput: out\n',
    );
    const probe = (...args: string[]) =>
      azureAllowlist(['probe', '--example', '*.relay.example.com=a.relay.example.com', ...args], { cwd });
    const { status, stdout } = await probe();
    expect(status).toBe(0);
    expect(stdout).toMatch(/^turn\.example\.com +3478\/udp +not judged: udp-not-probed /m);
    expect(stdout).toMatch(
      /^a\.relay\.example\.com \(\*\.relay\.example\.com\) +3478\/udp +not judged: udp-not-probed /m,
    );
    expect(stdout).toContain('2 findings: 0 good, 0 blocked, 0 to note, 2 not judged.');
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
      '`azure-allowlist check turn.example.com:3478/udp` says',
    );

    const { counts, findings } = JSON.parse((await probe('--json')).stdout);
    expect(counts).toEqual({ good: 0, blocked: 0, note: 0, unjudged: 2 });
    expect(findings).toMatchObject(
      ['turn.example.com', 'a.relay.example.com'].map((host) => ({
        ...{ host, port: 3478, protocol: 'udp', kind: 'udp-not-probed', level: 'unjudged' },
        advice: { responsible: 'nobody' },
      })),
    );
  });

  it.each([
    ['--proxy', 'proxy.corp.example:8080', 'must begin with http://'],
    ['--proxy', 'http://user:secret@proxy.corp.example:8080', 'holds credentials'],
    ['--resolver', 'dns.example', 'is no address'],
    ['--example', 'a/b', 'is not a host name'],
    ['--timeout', '0', 'a number of seconds from 1 to 120'],
    ['--concurrency', '65', 'from 1 to 64'],
    ['--from-file', 'nowhere', 'nothing to judge addresses by'],
    ['--table', 'nonesuch', 'There is no endpoint table'],
  ])('refuses %s %s', async (flag, value, message) => {
    const args = flag === '--table' ? [flag, value] : ['--table', 'private-network-connector', flag, value];
    const { status, stderr, stdout } = await azureAllowlist(['probe', ...args], { cwd: workplace() });
    expect({ status, stdout }).toEqual({ status: 5, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('secret');
  });
});
