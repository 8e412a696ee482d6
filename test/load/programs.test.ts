import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { deviceOf } from '../../src/load/device.ts';
import { parseProbedPlace, probe } from '../../src/load/probe.ts';
import { programRunner } from '../../src/load/run-program.ts';
import { bundledTargets } from '../../src/targets/catalog.ts';

describe('programRunner', () => {
  const run = programRunner({ PATH: process.env.PATH, KEPT: 'kept' }, { seconds: 2 });

  it('gives both outputs, the environment and the input', async () => {
    const said = await run(['sh', '-c', 'echo $KEPT $ADDED; echo error >&2; cat'], {
      environment: { ADDED: 'added' },
      input: 'given\n',
    });
    expect(said.trim().split('\n').sort()).toEqual(['error', 'given', 'kept added']);
  });

  it.each([
    [['sh', '-c', 'echo said; exit 7'], /exit 7\nsaid$/],
    [['no-such-program'], /ENOENT/],
    [['sleep', '30'], /no end within 2 s/],
  ])('tells of %j', async (argv, message) => {
    await expect(run(argv)).rejects.toThrow(message);
  });

  it('notes a program before it begins, and never begins one that nobody could note', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'programs-'));
    try {
      const begun = join(folder, 'begun');
      const before: boolean[] = [];
      const noting = programRunner(process.env, {
        seconds: 5,
        note: (pid) => {
          before.push(existsSync(begun));
          process.kill(pid, 0);
        },
      });
      expect(await noting(['sh', '-c', `touch ${begun}; echo done; cat`], { input: 'in\n' })).toBe(
        'done\nin\n',
      );
      await expect(noting(['sh', '-c', 'exit 7'])).rejects.toThrow(/^sh -c exit 7: exit 7/);
      await expect(noting(['no-such-program'])).rejects.toThrow(/^no-such-program: exit 127/);
      expect([before, existsSync(begun)]).toEqual([[false, true, true], true]);

      const late = join(folder, 'late');
      const refusing = programRunner(process.env, {
        seconds: 5,
        note: () => {
          throw new Error('the disk is full');
        },
      });
      await expect(refusing(['touch', late])).rejects.toThrow(/^touch .*: cannot be noted: the disk is full/);
      await new Promise((done) => setTimeout(done, 300));
      expect(existsSync(late)).toBe(false);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('does not wait for a daemon that holds the outputs', async () => {
    const start = Date.now();
    expect(await run(['sh', '-c', 'sleep 20 & echo $!'])).toMatch(/^\d+\n$/);
    expect(Date.now() - start).toBeLessThan(1_500);
  });
});

describe('probe', () => {
  it.each([
    ['example.com:443', { host: 'example.com', port: 443 }],
    ['192.0.2.1:65535', { host: '192.0.2.1', port: 65_535 }],
    ['[2001:db8::1]:8443', { host: '2001:db8::1', port: 8443 }],
  ])('reads %s', (text, place) => {
    expect(parseProbedPlace(text)).toEqual(place);
  });

  it.each([
    '',
    'host',
    'host:',
    'host:0',
    'host:65536',
    '2001:db8::1:443',
    'https://host:443',
    ':443',
    'a b:1',
  ])('refuses %j', (text) => {
    expect(() => parseProbedPlace(text)).toThrow(/is not HOST:PORT/);
  });

  it('says nothing of what answers, and what is wrong with what does not', async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as { port: number };
    expect(await probe({ host: '127.0.0.1', port }, 5)).toBeUndefined();
    await new Promise((done) => server.close(done));
    expect(await probe({ host: '127.0.0.1', port }, 5)).toMatch(
      /no connection to 127\.0\.0\.1:\d+: .*REFUSED/,
    );
  });
});

describe('deviceOf', () => {
  it('knows a device for the targets of Linux programs, and no other', async () => {
    const here = ['dnsmasq', 'haproxy', 'iptables', 'nftables', 'nginx', 'squid'];
    const bundled = await bundledTargets();
    expect(bundled).toEqual(expect.arrayContaining(here));
    for (const id of bundled)
      if (here.includes(id))
        expect(Object.keys(await deviceOf(id)).sort()).toEqual(['apply', 'check', 'withdraw']);
      else await expect(deviceOf(id)).rejects.toThrow(/nothing here loads/);
  });
});
