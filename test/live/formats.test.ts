import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findProgram, lacks, lacksNamespaces } from '../support/programs.ts';

/*
 * What the manifests claim of formats and no other test shows: the program itself is given a file on either side of the
 * claim. The evidence of the manifests names this file.
 */

/** What a program makes of a text: its exit status and all that it says. */
interface Verdict {
  readonly status: number | null;
  readonly said: string;
}

/** Runs a program in a network namespace of its own, with the text as its standard input. */
function inNamespace(text: string, program: string, ...args: readonly string[]): Verdict {
  const { status, stdout, stderr } = spawnSync('unshare', ['-n', findProgram(program)!, ...args], {
    input: text,
    encoding: 'utf8',
  });
  return { status, said: stderr + stdout };
}

/** Runs a program over a file in a directory of its own. */
function overFile(text: string, command: (file: string) => readonly [string, ...string[]]): Verdict {
  const directory = mkdtempSync(join(tmpdir(), 'formats-'));
  try {
    const file = join(directory, 'input');
    writeFileSync(file, text);
    const [program, ...args] = command(file);
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
    return { status, said: stderr + stdout };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe.skipIf(lacks('squid'))('Squid', () => {
  const parse = (line: string) =>
    overFile(`http_port 127.0.0.1:3128\n${line}\n`, (file) => [
      findProgram('squid')!,
      ...['-k', 'parse', '-f', file],
    ]);

  it.each([
    ['x.example.com .example.com', 1, /FATAL/],
    ['.example.com x.example.com', 0, /WARNING: You should remove 'x\.example\.com'/],
    ['example.com .example.com', 1, /FATAL/],
    ['.example.com example.com', 1, /FATAL/],
  ] as const)('given the names %s, exits with %i', (names, status, said) => {
    const verdict = parse(`acl names dstdomain -n ${names}`);
    expect(verdict.status).toBe(status);
    expect(verdict.said).toMatch(said);
  });

  it.each([
    [63, 0],
    [64, 1],
  ] as const)('given the name of an ACL of %i characters, exits with %i', (length, status) => {
    expect(parse(`acl ${'a'.repeat(length)} port 443`).status).toBe(status);
  });

  it.each([
    [2_500, true],
    [8_100, true],
    [8_300, false],
  ] as const)('given a line of %i characters, takes it: %s', (length, taken) => {
    const line = 'acl ports port'.padEnd(length, ' 443');
    expect(parse(line).status === 0).toBe(taken);
  });
});

describe.skipIf(lacks('nft') || lacksNamespaces())('nft', () => {
  it.each([
    ['elements = { 192.0.2.0/24, 192.0.2.0/25 }', 1],
    ['auto-merge\nelements = { 192.0.2.0/24, 192.0.2.0/25 }', 0],
    ['elements = { }', 1],
    ['elements = { 192.0.2.0/24, }', 0],
  ] as const)('given a set with %j, exits with %i', (lines, status) => {
    const text = `table inet t {\nset s {\ntype ipv4_addr\nflags interval\n${lines}\n}\n}\n`;
    expect(inNamespace(text, 'nft', '-f', '-').status).toBe(status);
  });
});

describe.skipIf(lacks('ipset') || lacksNamespaces())('ipset', () => {
  const restore = (...lines: readonly string[]) => inNamespace(`${lines.join('\n')}\n`, 'ipset', 'restore');
  const numbered = (count: number) =>
    Array.from(
      { length: count },
      (_, index) => `add s 10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
    );

  // The kernel counts by parts of the table, and all of it only once the part of a new entry is full: which entry beyond
  // the 65,536th is the first to be refused differs from set to set.
  it.each([
    [65_536, 0],
    [70_000, 1],
  ] as const)('given a set without maxelem and %i entries, exits with %i', (count, status) => {
    expect(restore('create s hash:net', ...numbered(count)).status).toBe(status);
  });

  it.each([
    ['a duplicate', ['create s hash:net', 'add s 192.0.2.0/24', 'add s 192.0.2.0/24'], 1],
    ['a prefix of length 0', ['create s hash:net', 'add s 0.0.0.0/0'], 1],
    ['the same set again', ['create s hash:net timeout 60', 'create -exist s hash:net timeout 60'], 0],
    [
      'the set with another timeout',
      ['create s hash:net timeout 60', 'create -exist s hash:net timeout 61'],
      1,
    ],
  ] as const)('given %s, exits with the right status', (_, lines, status) => {
    expect(restore(...lines).status).toBe(status);
  });
});

describe.each(['iptables-nft-restore', 'iptables-legacy-restore'])('%s', (program) => {
  it.skipIf(lacks(program) || lacksNamespaces()).each([
    [Array.from({ length: 15 }, (_, index) => index + 1).join(), true],
    [Array.from({ length: 16 }, (_, index) => index + 1).join(), false],
    [`${Array.from({ length: 13 }, (_, index) => index + 1).join()},20:30`, true],
    [`${Array.from({ length: 14 }, (_, index) => index + 1).join()},20:30`, false],
  ])('given multiport --dports %s, takes it: %s', (ports, taken) => {
    const text = `*filter\n:CLAIM - [0:0]\n-A CLAIM -p tcp -m multiport --dports ${ports} -j ACCEPT\nCOMMIT\n`;
    const { status, said } = inNamespace(text, program, '--noflush');
    expect(status === 0, said).toBe(taken);
    if (!taken) expect(said).toContain('too many ports');
  });
});
