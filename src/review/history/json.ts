import type { History, OnPorts, Sizes } from './history.ts';
import type { HistoryDocument } from './json-shape.ts';

/** The history as one JSON document by `schema/history.schema.json`; nothing is cut. */
export function writeHistoryJson(history: History): string {
  return `${JSON.stringify(historyDocument(history), null, 2)}\n`;
}

export function historyDocument({ steps, tags, returned }: History): HistoryDocument {
  return {
    format: 'azure-allowlist/history',
    version: 1,
    revisions: steps.map(({ id, date, week, change, space, edited, acceptances }) => ({
      id,
      date,
      feed: {
        cloud: week.cloud,
        name: week.name,
        fileDate: week.fileDate ?? null,
        changeNumber: week.changeNumber,
      },
      addresses: sizes(space),
      change:
        change === undefined
          ? null
          : {
              addresses: { gained: sizes(change.addresses.gained), lost: sizes(change.addresses.lost) },
              names: { gained: [...change.names.gained], lost: [...change.names.lost] },
              ports: { gained: change.ports.gained.map(onPorts), lost: change.ports.lost.map(onPorts) },
              tags: {
                added: [...change.tags.added],
                removed: [...change.tags.removed],
                changed: change.tags.changed,
              },
              prefixes: { gained: change.prefixes.gained, lost: change.prefixes.lost },
              targets: {
                added: change.targets.added.map(({ target }) => target),
                removed: [...change.targets.removed],
                firstFiles: change.targets.added.map(({ target, addresses, names }) => ({
                  target,
                  addresses: sizes(addresses),
                  names,
                })),
              },
            },
      edited: [...edited],
      acceptances: acceptances.map(({ guard, message }) => ({ guard, message })),
    })),
    tags: tags.map(({ tag, points, changes, gained, lost }) => ({
      tag,
      changes,
      gained: sizes(gained),
      lost: sizes(lost),
      points: points.map((point) =>
        point === undefined ? null : { prefixes: point.prefixes, addresses: sizes(point.space) },
      ),
    })),
    returned: returned.map((one) => ({
      tag: one.tag,
      prefix: one.prefix,
      removed: one.removed,
      returned: one.returned,
      days: one.days,
    })),
  };
}

function onPorts({ ports, addresses, names }: OnPorts) {
  return { ports, addresses: sizes(addresses), names: [...names] };
}

function sizes({ ipv4, ipv6 }: Sizes) {
  return { ipv4: `${ipv4}`, ipv6: `${ipv6}` };
}
