import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { parseYaml } from '../parsed-yaml.ts';
import type { KnownFigures } from '../policy/guards/known-figures.ts';
import { CLOUD_NAMES } from './cloud.ts';
import type { Cloud } from './snapshot.ts';

const FILE = fileURLToPath(new URL('../../data/known-space.yaml', import.meta.url));

const figures = z.record(z.string(), z.int().positive());
const shape = z.partialRecord(
  z.enum(CLOUD_NAMES),
  z.strictObject({ asOf: z.iso.date(), files: z.int().positive(), ipv4: figures, ipv6: figures }),
);

/** Loads the bundled figures of the space that the files of a cloud ever had; undefined for a cloud without them. */
export async function loadKnownFigures(cloud: Cloud): Promise<KnownFigures | undefined> {
  const text = await readFile(FILE, 'utf8');
  const found = shape.parse(await parseYaml(text))[cloud];
  if (found === undefined) return undefined;
  return {
    asOf: found.asOf,
    files: found.files,
    blocks: new Map(
      Object.entries({ ...found.ipv4, ...found.ipv6 }).map(([block, size]) => [block, BigInt(size)]),
    ),
  };
}
