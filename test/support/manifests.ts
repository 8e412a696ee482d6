import type { Manifest } from '../../src/targets/manifest.ts';
import { resolveOptions } from '../../src/targets/options.ts';
import type { OptionValues } from '../../src/targets/view.ts';

/** The defaults of a target's options, and the examples where there are none. */
export function exampleOptions(manifest: Manifest): OptionValues {
  const given = Object.entries(manifest.options).flatMap(([key, option]) =>
    option.default === undefined && option.example !== undefined ? [[key, option.example] as const] : [],
  );
  return resolveOptions(manifest, Object.fromEntries(given), manifest.id);
}

/** The files that only people read, where a format has no comments. */
export function proseOf({ files }: Manifest): ReadonlySet<string> {
  return new Set(files.flatMap(({ path, prose }) => (prose ? [path] : [])));
}
