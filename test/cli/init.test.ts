import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { initCommand } from '../../src/cli/init.ts';
import type { Io } from '../../src/cli/io.ts';
import { parseConfig } from '../../src/config/load.ts';

describe('init on a terminal', () => {
  let directory: string;
  let said: string[];
  let printed: string[];
  const io = (): Io => ({
    out: (text) => printed.push(text),
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
    printed = [];
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

  it('writes the schema that its first line names, which describes the configuration', async () => {
    await initCommand(directory, {}, io(), terminal('', false));
    const [, named] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(written()) ?? [];
    const schema = JSON.parse(readFileSync(join(directory, named!), 'utf8'));
    const valid = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);
    expect(valid(parse(written())), JSON.stringify(valid.errors)).toBe(true);
    expect(valid({ ...parse(written()), ruels: [] })).toBe(false);
    expect(parseConfig(written(), join(directory, 'allowlist.yaml')).rules).toHaveLength(1);
  });

  it('writes the schema again after an update, and nothing else', async () => {
    const schema = join(directory, 'allowlist.schema.json');
    writeFileSync(schema, '{"title":"azure-allowlist configuration","properties":{"old":{}}}');
    await initCommand(directory, { schema: true }, io(), terminal(''));
    expect(readFileSync(schema, 'utf8')).not.toContain('"old"');
    expect(readdirSync(directory)).toEqual(['allowlist.schema.json']);
  });

  it.each(['# mine', '{"title":"another"}', 'null'])(
    'writes nothing where another file has the place of the schema: %s',
    async (text) => {
      writeFileSync(join(directory, 'allowlist.schema.json'), text);
      await expect(initCommand(directory, {}, io(), terminal('', false))).rejects.toThrow(
        'is not the JSON Schema of azure-allowlist; it is left as it is',
      );
      expect(readdirSync(directory)).toEqual(['allowlist.schema.json']);
      expect(readFileSync(join(directory, 'allowlist.schema.json'), 'utf8')).toBe(text);
    },
  );

  it.each(['site.yaml', 'sites/berlin.YML'])('takes %s for the file, not for a folder', async (name) => {
    const file = join(directory, name);
    await initCommand(file, {}, io(), terminal('', false));
    expect(statSync(file).isFile()).toBe(true);
    expect(printed.at(-1)).toContain(`run --dry-run -c ${file}`);
    await expect(initCommand(file, {}, io(), terminal('', false))).rejects.toThrow('exists already');
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
