import type { PageData } from '../page-data.ts';
import { showBars } from './bars.ts';
import { showChanges } from './changes.ts';
import { place } from './dom.ts';
import { showFiles } from './files.ts';
import { showMap } from './map.ts';
import { offerThemes } from './theme.ts';

offerThemes(place('theme')!);
const given = place('data')?.textContent ?? undefined;
const data = given === undefined ? undefined : (JSON.parse(given) as PageData);
for (const [id, show] of [
  ['table', showChanges],
  ['bars', showBars],
  ['hilbert', showMap],
  ['file-list', showFiles],
] as const) {
  const where = place(id);
  if (where !== undefined && data !== undefined) show(where, data);
}
