import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parsedName } from '../../src/parsed-yaml.ts';
import { sha256 } from '../../src/sha256.ts';
import { installed } from './command.ts';

const texts = [
  ...readdirSync(installed('data'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => join('data', file)),
  ...readdirSync(installed('templates')).map((id) => join('templates', id, 'manifest.yaml')),
].map((file) => [file, readFileSync(installed(file), 'utf8')] as const);

describe('what the build parses', () => {
  it('is what the YAML says, of every table and manifest', () => {
    expect(texts.length).toBeGreaterThan(40);
    for (const [file, text] of texts)
      expect(
        JSON.parse(readFileSync(installed(join('dist/program/parsed', parsedName(text))), 'utf8')),
        file,
      ).toEqual(parse(text));
  });

  it('stands for no text that was edited since', () => {
    const parsed = new Set(readdirSync(installed('dist/program/parsed')));
    for (const [file, text] of texts) {
      expect(parsed.has(parsedName(text)), file).toBe(true);
      expect(parsed.has(parsedName(`${text}\n`)), file).toBe(false);
    }
  });
});

describe('what the build compiles', () => {
  it('is every template of every target, and none that was edited since', async () => {
    for (const id of readdirSync(installed('templates'))) {
      const compiled = (await import(installed(`dist/program/compiled/${id}.js`))).default;
      const { files } = parse(readFileSync(installed(join('templates', id, 'manifest.yaml')), 'utf8'));
      for (const { template } of files) {
        const text = readFileSync(installed(join('templates', id, template)), 'utf8');
        expect(typeof compiled[sha256(text)]?.main, `${id}/${template}`).toBe('function');
        expect(compiled[sha256(`${text}\n`)]).toBeUndefined();
      }
    }
  });
});
