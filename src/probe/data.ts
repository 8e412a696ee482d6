import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { parseHost, parseHostPattern } from '../net/host-pattern.ts';
import { parseYaml } from '../parsed-yaml.ts';
import type { ExampleName } from './endpoint.ts';

const FILE = fileURLToPath(new URL('../../data/probe/connector.yaml', import.meta.url));

const shape = z.strictObject({
  examples: z.array(z.strictObject({ pattern: z.string(), host: z.string() })),
  issuers: z.array(z.string()).min(1),
});

/** What a probe needs beside the endpoint tables. */
export interface ProbeData {
  readonly examples: readonly ExampleName[];
  /** Organisations that issue the certificates of the services. */
  readonly issuers: readonly string[];
}

/** Loads the bundled names and issuers. */
export async function loadProbeData(): Promise<ProbeData> {
  const { examples, issuers } = shape.parse(await parseYaml(await readFile(FILE, 'utf8')));
  return {
    examples: examples.map(({ pattern, host }) => ({
      pattern: parseHostPattern(pattern),
      host: parseHost(host),
    })),
    issuers,
  };
}
