import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { initCommand } from '../../src/cli/init.ts';
import type { Io } from '../../src/cli/io.ts';

describe('init on a terminal', () => {
  let directory: string;
  let said: string[];
  const io = (): Io => ({
    out: () => {},
    err: (text) => said.push(text),
    environment: {},
    today: () => '2026-01-01',
    columns: undefined,
    colours: false,
    setStatus: () => {},
  });
  const terminal = (text: string, isTTY = true) => Object.assign(Readable.from([text]), { isTTY });
  const written = () => readFileSync(join(directory, 'allowlist.yaml'), 'utf8');

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'init-'));
    said = [];
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it.each([
    ['through-proxy\n', '# Scenario through-proxy:', 1],
    ['proxy\n bypass-proxy \n', '# Scenario bypass-proxy:', 2],
    ['\n', 'squid: {}\n  paloalto: {}', 1],
    ['', 'squid: {}\n  paloalto: {}', 1],
  ])('%j', async (answer, expected, questions) => {
    await initCommand(directory, {}, io(), terminal(answer));
    expect(written()).toContain(expected);
    expect(said.length).toBe(questions);
  });

  it('asks nothing where the scenario is given, no terminal is there, or the file exists', async () => {
    await initCommand(directory, { scenario: 'bypass-proxy' }, io(), terminal('through-proxy\n'));
    expect(written()).toContain('# Scenario bypass-proxy:');
    await expect(initCommand(directory, {}, io(), terminal('through-proxy\n'))).rejects.toThrow(
      'exists already',
    );
    rmSync(join(directory, 'allowlist.yaml'));
    await initCommand(directory, {}, io(), terminal('through-proxy\n', false));
    expect(written()).not.toContain('# Scenario');
    expect(said).toEqual([]);
    writeFileSync(join(directory, 'allowlist.yaml'), '');
  });
});
